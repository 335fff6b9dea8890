/**
 * Shortest paths by A* where every step costs one: states wait in one bucket per estimated length, and of a
 * bucket the latest goes first, so that a search that is on the right way is not led astray by ties.
 * @see Hart, Nilsson and Raphael, "A formal basis for the heuristic determination of minimum cost paths", 1968
 * @module
 */

export interface Search<State, Move> {
  readonly start: State;
  /** Equal for equal states, and for no others. */
  key(state: State): string;
  /** What can be done, and what it leads to. */
  successors(state: State): Iterable<readonly [move: Move, state: State]>;
  /** Steps left, or fewer; 0 at a goal. */
  estimate(state: State): number;
  isGoal(state: State): boolean;
  /** States taken up before the search is given up. */
  readonly maxStates: number;
  /** Factor on estimates, an integer: 1 (default) finds a shortest path, more a longer one in less time. */
  readonly weight?: number;
}

interface Node<State, Move> {
  readonly state: State;
  readonly steps: number;
  readonly from?: { readonly node: Node<State, Move>; readonly move: Move };
}

/** The moves of a shortest path, and the states they start from; undefined if none was found. */
export function shorvalidationPath<State, Move>(
  search: Search<State, Move>,
): { readonly move: Move; readonly before: State }[] | undefined {
  const { weight = 1, maxStates } = search;
  const fewest = new Map<string, number>([[search.key(search.start), 0]]);
  const buckets: Node<State, Move>[][] = [];
  const file = (node: Node<State, Move>): void => {
    const at = node.steps + weight * search.estimate(node.state);
    while (buckets.length <= at) buckets.push([]);
    buckets[at].push(node);
  };
  file({ state: search.start, steps: 0 });
  for (let at = 0, seen = 0; at < buckets.length && seen < maxStates; ) {
    const node = buckets[at].pop();
    if (node === undefined) {
      at++;
      continue;
    }
    if (node.steps > (fewest.get(search.key(node.state)) ?? 0)) continue; // a shorter way was found since
    if (search.isGoal(node.state)) return pathTo(node);
    seen++;
    for (const [move, state] of search.successors(node.state)) {
      const key = search.key(state);
      const steps = node.steps + 1;
      if (steps >= (fewest.get(key) ?? Number.POSITIVE_INFINITY)) continue;
      fewest.set(key, steps);
      file({ state, steps, from: { node, move } });
      at = Math.min(at, steps + weight * search.estimate(state)); // estimates may fall by more than one
    }
  }
  return undefined;
}

function pathTo<State, Move>(end: Node<State, Move>): { readonly move: Move; readonly before: State }[] {
  const path: { move: Move; before: State }[] = [];
  for (let node = end; node.from !== undefined; node = node.from.node)
    path.push({ move: node.from.move, before: node.from.node.state });
  return path.reverse();
}
