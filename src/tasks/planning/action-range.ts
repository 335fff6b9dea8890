/**
 * The allowed length of the plans of generated problems.
 * @module
 */

/** Minimum and maximum number of actions of a problem's plan. */
export interface ActionRange {
  readonly minActions: number;
  readonly maxActions: number;
}

/** A range without a restriction, because plans of generated problems have at most 100 actions. */
export const ANY_ACTIONS: ActionRange = { minActions: 1, maxActions: 100 };

/**
 * Draws problems until the plan of one has an allowed number of actions. If every number is allowed, no plan
 * is computed.
 *
 * @param draw - draws a problem; undefined for an invalid draw
 * @param search.tries - maximum number of draws
 * @param search.actions - returns the number of actions of the plan; undefined if no plan was found
 * @returns undefined if no drawn problem was accepted
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
