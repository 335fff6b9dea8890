/**
 * How long the plans of generated problems may be.
 * @module
 */

/** Fewest and most actions of a problem's plan. */
export interface ActionRange {
  readonly minActions: number;
  readonly maxActions: number;
}

/** No plan that is looked for here is longer. */
export const ANY_ACTIONS: ActionRange = { minActions: 1, maxActions: 100 };

/**
 * Draws until a problem's plan has an allowed number of actions; where any number is, no plan is looked for.
 *
 * @param draw - one problem, or undefined for one that is none
 * @returns undefined if `tries` draws brought nothing
 */
export function drawWithin<D>(
  { minActions, maxActions }: ActionRange,
  draw: () => D | undefined,
  { tries, actions }: { readonly tries: number; actions(drawn: D): number | undefined },
): D | undefined {
  const isAny = minActions <= ANY_ACTIONS.minActions && maxActions >= ANY_ACTIONS.maxActions;
  for (let attempt = 0; attempt < tries; attempt++) {
    const drawn = draw();
    if (drawn === undefined) continue;
    if (isAny) return drawn;
    const count = actions(drawn);
    if (count !== undefined && count >= minActions && count <= maxActions) return drawn;
  }
  return undefined;
}
