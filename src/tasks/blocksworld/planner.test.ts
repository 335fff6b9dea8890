import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { applied, ground, simulate } from '../planning/strips.ts';
import { BLOCKSWORLD, factsOf, onFacts, type Towers } from './domain.ts';
import { compactPlan } from './notation.ts';
import { shortestPlan } from './planner.ts';
import { drawTowers, nameList } from './puzzle.ts';

/**
 * Returns the number of actions of a shortest plan. It is computed by breadth-first search over facts, with
 * all actions and all states, also those with a block in the hand.
 */
function fewestActions(start: Towers, wanted: Towers): number {
  const goal = onFacts(wanted);
  const blocks = start.flat();
  const all = BLOCKSWORLD.actions.flatMap((schema) =>
    schema.parameters.length === 1
      ? blocks.map((block) => ground(schema, [block]))
      : blocks.flatMap((block) =>
          blocks.filter((other) => other !== block).map((other) => ground(schema, [block, other])),
        ),
  );
  let frontier: ReadonlySet<string>[] = [new Set(factsOf(start))];
  const seen = new Set<string>();
  for (let depth = 0; ; depth++) {
    if (frontier.some((state) => goal.every((fact) => state.has(fact)))) return depth;
    const next: ReadonlySet<string>[] = [];
    for (const state of frontier)
      for (const action of all) {
        if (!action.preconditions.every((fact) => state.has(fact))) continue;
        const after = applied(state, action);
        const key = [...after].sort().join();
        if (!seen.has(key)) next.push(after);
        seen.add(key);
      }
    frontier = next;
  }
}

const puzzle = fc.tuple(fc.integer({ min: 2, max: 4 }), fc.nat()).map(([count, seed]) => {
  const stream = randomStream(seed);
  const blocks = nameList(count);
  return {
    start: drawTowers(blocks, stream),
    wanted: drawTowers(blocks, stream).filter((tower) => tower.length > 1),
  };
});

describe('shortestPlan', () => {
  it('finds a plan computed by hand', () => {
    const plan = shortestPlan({ start: [['c', 'b'], ['a']], wanted: [['b', 'c']] });
    expect(compactPlan(plan ?? [])).toBe('^bc_b^c_cb');
    expect(shortestPlan({ start: [['a', 'b']], wanted: [['a', 'b']] })).toEqual([]);
  });

  it('finds valid plans that are as short as those of a breadth-first search over all actions', () => {
    fc.assert(
      fc.property(puzzle, ({ start, wanted }) => {
        const plan = shortestPlan({ start, wanted }) ?? [];
        const { failure, unmetGoals } = simulate(
          BLOCKSWORLD,
          { init: factsOf(start), goal: onFacts(wanted) },
          plan,
        );
        expect([failure, unmetGoals]).toEqual([undefined, []]);
        expect(plan.length).toBe(fewestActions(start, wanted));
      }),
      { numRuns: 60 },
    );
  });

  it('is undefined if the goal cannot be reached or the limit of states is exceeded', () => {
    expect(shortestPlan({ start: [['a'], ['b']], wanted: [['a', 'z']] })).toBeUndefined();
    const start = [nameList(8)];
    expect(shortestPlan({ start, wanted: [nameList(8).reverse()] }, 3)).toBeUndefined();
    expect(shortestPlan({ start, wanted: [nameList(8).reverse()] })).toHaveLength(16);
  });
});

describe('drawTowers', () => {
  it('draws each of the 13 states of three blocks equally often', () => {
    const counts = new Map<string, number>();
    const stream = randomStream(1);
    for (let i = 0; i < 6500; i++) {
      const key = drawTowers(['a', 'b', 'c'], stream)
        .map((tower) => tower.join(''))
        .join(' ');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(13);
    // chi-square statistic with 12 degrees of freedom; it exceeds 32.9 for one seed in a thousand
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 500) ** 2 / 500, 0);
    expect(chiSquare).toBeLessThan(32.9);
  });
});
