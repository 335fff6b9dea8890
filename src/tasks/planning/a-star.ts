/**
 * Finds shortest paths by A* with unit costs. The open states are in buckets, one per estimated path length.
 * The state that was added last to a bucket is expanded first, so that ties do not delay a search that is
 * close to the goal.
 * @see Hart, Nilsson and Raphael, "A formal basis for the heuristic determination of minimum cost paths",
 *   1968
 * @module
 */

export interface Search<State, Move> {
  readonly start: State;
  /** Returns a key. Two states have the same key only if they are equal. */
  key(state: State): string;
  /** Returns the possible moves, each with the state to which it leads. */
  successors(state: State): Iterable<readonly [move: Move, state: State]>;
  /** Returns a lower bound on the number of remaining steps; 0 at a goal. */
  estimate(state: State): number;
  isGoal(state: State): boolean;
  /** Maximum number of states that are expanded. */
  readonly maxStates: number;
  /**
   * Integer factor of the estimates. With 1 (default) the path is a shortest one; with larger factors the
   * search is faster and the path may be longer.
   */
  readonly weight?: number;
}

interface Node<State, Move> {
  readonly state: State;
  readonly steps: number;
  readonly from?: { readonly node: Node<State, Move>; readonly move: Move };
}

/** Returns the moves of a shortest path, each with the state before it; undefined if no path was found. */
export function shortestPath<State, Move>(
  search: Search<State, Move>,
): { readonly move: Move; readonly before: State }[] | undefined {
  const { weight = 1, maxStates } = search;
  const fewest = new Map<string, number>([[search.key(search.start), 0]]);
  const buckets: Node<State, Move>[][] = [];
  const enqueue = (node: Node<State, Move>): void => {
    const at = node.steps + weight * search.estimate(node.state);
    while (buckets.length <= at) buckets.push([]);
    buckets[at].push(node);
  };
  enqueue({ state: search.start, steps: 0 });
  for (let at = 0, seen = 0; at < buckets.length && seen < maxStates; ) {
    const node = buckets[at].pop();
    if (node === undefined) {
      at++;
      continue;
    }
    // outdated: a shorter path to this state was found after it was added
    if (node.steps > (fewest.get(search.key(node.state)) ?? 0)) continue;
    if (search.isGoal(node.state)) return pathTo(node);
    seen++;
    for (const [move, state] of search.successors(node.state)) {
      const key = search.key(state);
      const steps = node.steps + 1;
      if (steps >= (fewest.get(key) ?? Number.POSITIVE_INFINITY)) continue;
      fewest.set(key, steps);
      enqueue({ state, steps, from: { node, move } });
      // a step may lower the estimate by more than one, so an earlier bucket may get a state
      at = Math.min(at, steps + weight * search.estimate(state));
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
