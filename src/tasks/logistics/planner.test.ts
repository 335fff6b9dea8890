import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { applied, type Grounded, ground, type Problem, simulate } from '../planning/strips.ts';
import { LOGISTICS } from './domain.ts';
import { findPlan } from './planner.ts';
import { drawPuzzle, type Layout, problemOf, solved } from './puzzle.ts';

/** Returns all actions, each with all objects of matching kinds. */
function allActions({ init }: Problem): Grounded[] {
  const objects = [...new Set(init.flatMap((fact) => fact.split(' ').slice(1)))];
  const choices = (count: number): string[][] =>
    count === 0 ? [[]] : choices(count - 1).flatMap((list) => objects.map((object) => [...list, object]));
  const fixed = new Set(init.filter((fact) => !/^(at|in) /.test(fact)));
  return LOGISTICS.actions
    .flatMap((schema) => choices(schema.parameters.length).map((chosen) => ground(schema, chosen)))
    .filter(({ preconditions }) => preconditions.every((fact) => /^(at|in) /.test(fact) || fixed.has(fact)));
}

/** Returns the number of actions of a shortest plan, computed by breadth-first search over facts. */
function fewestActions({ init, goal }: Problem, all: readonly Grounded[]): number {
  let frontier: ReadonlySet<string>[] = [new Set(init)];
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

const shape = {
  cities: 2,
  locations: 2,
  airplanes: 1,
  minPackages: 1,
  maxPackages: 1,
  minActions: 1,
  maxActions: 100,
};

function puzzleOf(drawn: Layout | undefined) {
  if (drawn === undefined) throw new Error('no problem was drawn');
  return solved(drawn);
}

describe('findPlan', () => {
  it('finds plans that are as short as those of a breadth-first search over all actions', () => {
    const all = allActions(
      problemOf({ locations: 2, trucks: [0, 2], airplanes: [0], packages: [{ from: 0, to: 1 }] }),
    );
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const puzzle = puzzleOf(drawPuzzle(shape, randomStream(seed)));
        const problem = problemOf(puzzle);
        const found = findPlan(problem);
        expect(found).toMatchObject({ isShortest: true });
        expect(found?.steps.length).toBe(fewestActions(problem, all));
      }),
      { numRuns: 40 },
    );
  });

  it('finds valid plans, also if the search for a shortest one exceeds its limit', () => {
    const larger = { ...shape, cities: 3, airplanes: 2, minPackages: 2, maxPackages: 3 };
    for (let seed = 0; seed < 15; seed++) {
      const puzzle = puzzleOf(drawPuzzle(larger, randomStream(seed)));
      const problem = problemOf(puzzle);
      const hasty = findPlan(problem, 3);
      for (const plan of [puzzle.plan, hasty?.steps]) {
        const { failure, unmetGoals } = simulate(LOGISTICS, problem, plan ?? []);
        expect([failure, unmetGoals]).toEqual([undefined, []]);
      }
      expect(hasty?.steps.length).toBeGreaterThanOrEqual(puzzle.plan.length);
    }
  });

  it('is undefined for problems of another form', () => {
    const problem = problemOf({
      locations: 2,
      trucks: [0, 2],
      airplanes: [0],
      packages: [{ from: 1, to: 3 }],
    });
    const without = (prefix: string): Problem => ({
      ...problem,
      init: problem.init.filter((fact) => !fact.startsWith(prefix)),
    });
    expect(findPlan(problem)?.steps).toHaveLength(10);
    expect(findPlan(without('airport l0-0'))).toBeUndefined();
    expect(findPlan(without('at t1'))).toBeUndefined();
    expect(findPlan(without('at p0'))).toBeUndefined();
    expect(findPlan({ ...problem, goal: ['at t0 l0-1'] })).toBeUndefined();
    expect(findPlan({ ...problem, init: [...problem.init, 'airport l0-1'] })).toBeUndefined();
  });
});
