/**
 * Shortest paths by A* with unit costs. States wait in one bucket per estimated path length. The latest state of a
 * bucket is expanded first, so that ties do not delay a search that is close to the goal.
 * @see Hart, Nilsson and Raphael, "A formal basis for the heuristic determination of minimum cost paths", 1968
 * @module
 */

export interface Search<State, Move> {
  readonly start: State;
  /** A key that is the same for equal states only. */
  key(state: State): string;
  /** The possible moves and the states that they lead to. */
  successors(state: State): Iterable<readonly [move: Move, state: State]>;
  /** A lower bound on the number of steps left; 0 at a goal. */
  estimate(state: State): number;
  isGoal(state: State): boolean;
  /** Maximum number of states that are expanded. */
  readonly maxStates: number;
  /** Integer factor of estimates: 1 (default) finds a shortest path; larger factors find a longer path faster. */
  readonly weight?: number;
}

interface Node<State, Move> {
  readonly state: State;
  readonly steps: number;
  readonly from?: { readonly node: Node<State, Move>; readonly move: Move };
}

/** The moves of a shortest path with the states before them; undefined if none was found. */
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
    if (node.steps > (fewest.get(search.key(node.state)) ?? 0)) continue; // a shorter path to this state was found later
    if (search.isGoal(node.state)) return pathTo(node);
    seen++;
    for (const [move, state] of search.successors(node.state)) {
      const key = search.key(state);
      const steps = node.steps + 1;
      if (steps >= (fewest.get(key) ?? Number.POSITIVE_INFINITY)) continue;
      fewest.set(key, steps);
      enqueue({ state, steps, from: { node, move } });
      at = Math.min(at, steps + weight * search.estimate(state)); // the estimate may decrease by more than one
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
