import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { parseTaskOptions } from '../../task/definition.ts';
import { SPLITS, splitOf } from '../../task/split.ts';
import { readStatement } from '../planning/planbench-prompt.ts';
import { LOGISTICS, withKinds } from './domain.ts';
import { createLogistics, type LogisticsOptions, logistics } from './logistics.ts';
import { compactPlan, compactPrompt, readCompactPlan } from './notation.ts';
import { readFact } from './planbench-text.ts';
import { type Puzzle, problemOf } from './puzzle.ts';

/**
 * A problem: truck 0 is at b, truck 1 and the airplane are at C, and package p has to be moved from b to d.
 */
const layout = { locations: 2, trucks: [1, 2], airplanes: [2], packages: [{ from: 1, to: 3 }] };
const PLAN = '+ptbtbA-ptA1CA+p1A1AC-p1C+ptCtCd-ptd';

const options = fc
  .record({
    cities: fc.constant(2),
    locations: fc.integer({ min: 2, max: 3 }),
    airplanes: fc.integer({ min: 1, max: 2 }),
    maxPackages: fc.integer({ min: 1, max: 2 }),
    style: fc.constantFrom('compact', 'planbench'),
    shots: fc.constantFrom(0, 1),
    demoTurns: fc.integer({ min: 1, max: 4 }),
    workedShare: fc.constantFrom(0, 1),
  })
  .map((given): Partial<LogisticsOptions> => given);

describe('logistics', () => {
  it('reads plans in compact notation and gives reasons', () => {
    const task = createLogistics();
    const read = readCompactPlan(PLAN, layout);
    const plan = 'plan' in read ? read.plan : [];
    const item = { id: 'x', prompt: compactPrompt(layout), data: { ...layout, plan } };
    expect(item.prompt).toBe('Ab.b Cd.C 1C pb>d:');
    expect(task.verify(item, `#${PLAN}`)).toMatchObject({
      correct: true,
      reason: 'reaches the goal in 10 actions',
    });
    expect(compactPlan(plan, layout)).toBe(PLAN);
    const reasons = ['+ptA', 'tbC', '1Cd', '+p1b', '+ptb tbA', '-ptb', '2CA', '+qtb'].map(
      (wrong) => task.verify(item, `#${wrong}`).reason,
    );
    expect(reasons).toEqual([
      'action 1, load p0 into t0 at l0-0: t0 is not at l0-0',
      'action 1, drive t0 from l0-1 to l1-0: l1-0 is not in c0',
      'action 1, fly a0 from l1-0 to l1-1: l1-1 is not an airport',
      'action 1, load p0 into a0 at l0-1: a0 is not at l0-1',
      'after 2 actions the goal does not hold: not p0 is at l1-1',
      'action 1, unload p0 from t0 at l0-1: p0 is not in t0',
      'action 1, fly a1 from l1-0 to l0-0: a1 is not an airplane',
      'action 1, load p1 into t0 at l0-1: p1 is not a package',
    ]);
    for (const text of ['', '#', '#x', '#+p', '#tbAx', '#1A', `#${'tbA'.repeat(1100)}`, PLAN])
      expect(task.verify(item, text)).toEqual({
        correct: false,
        reward: 0,
        reason: expect.stringMatching(/^no answer: /),
      });
  });

  it('demonstrates correct plans in its alphabet, with the configured number of messages', () => {
    fc.assert(
      fc.property(options, fc.constantFrom(...SPLITS), fc.nat(500), (given, split, index) => {
        const task = createLogistics(given);
        const item = task.item(split, index);
        const { messages } = task.demonstrate?.(item, randomStream(index)) ?? { messages: [] };
        expect(messages).toHaveLength(given.demoTurns ?? 1);
        expect(messages.every((message) => message !== '')).toBe(true);
        expect(task.verify(item, messages[messages.length - 1] ?? '')).toMatchObject({
          correct: true,
          reward: 1,
        });
        const alphabet = new Set(task.alphabet);
        expect(
          [...item.prompt, ...messages.join('')].filter((character) => !alphabet.has(character)),
        ).toEqual([]);
        if (given.style === 'compact') expect(splitOf(item.prompt)).toBe(split);
      }),
      { numRuns: 60 },
    );
  });

  it('gives every agent of a relay the actions up to the next unloading', () => {
    const task = createLogistics({ demoTurns: 2, workedShare: 1 });
    const read = readCompactPlan(PLAN, layout);
    const data = { ...layout, plan: 'plan' in read ? read.plan : [] };
    const { messages = [] } = task.demonstrate?.({ id: 'x', prompt: '', data }, randomStream(1)) ?? {};
    expect(messages).toEqual(['+ptbtbA-ptA=pA', `1CA+p1A1AC-p1C=pC;+ptCtCd-ptd=pd#${PLAN}`]);
  });

  it('rejects plans with an action removed or at another place', () => {
    const task = createLogistics();
    fc.assert(
      fc.property(fc.nat(300), fc.nat(), (index, at) => {
        const item = task.item('train', index);
        const puzzle = item.data as Puzzle;
        const k = at % puzzle.plan.length;
        const left = puzzle.plan.filter((_, position) => position !== k);
        const { action, objects } = puzzle.plan[k];
        const astray = puzzle.plan.with(k, {
          action,
          objects: objects.with(2, objects[2] === 'l0-1' ? 'l1-1' : 'l0-1'),
        });
        for (const wrong of [left, astray])
          expect(task.verify(item, `#${compactPlan(wrong, puzzle)}`)).toMatchObject({
            correct: false,
            reward: 0,
          });
      }),
      { numRuns: 60 },
    );
  });

  it("states problems in PlanBench's wording, which can be parsed", () => {
    const task = createLogistics({ style: 'planbench', locations: 3, airplanes: 2, maxPackages: 3 });
    for (let index = 0; index < 10; index++) {
      const item = task.item('test', index);
      const read = readStatement(item.prompt, readFact);
      const problem = problemOf(item.data as Puzzle);
      const sorted = (facts: readonly string[]): string[] => [...facts].sort();
      expect('problem' in read ? sorted(withKinds(read.problem).init) : read).toEqual(sorted(problem.init));
      expect('problem' in read ? read.problem.goal : read).toEqual(problem.goal);
      expect(item.prompt.endsWith(`${item.problem}\n\nMy plan is as follows:\n\n[PLAN]`)).toBe(true);
    }
  });
});

it('parses options, and rejects invalid ones with clear errors', () => {
  const items = (options: object) => {
    const task = logistics.create(parseTaskOptions(logistics, { ...options }), {});
    return Array.from({ length: 10 }, (_, index) => task.item('train', index));
  };
  expect(items({ min_packages: 3 })).toEqual(items({ min_packages: 3, max_packages: 3, cities: 2 }));
  expect(items({})).toEqual(items({ max_packages: 2 }));
  expect(() =>
    parseTaskOptions(logistics, {
      cities: 5,
      locations: 3,
      min_packages: 3,
      max_packages: 2,
      min_actions: 9,
      max_actions: 1,
    }),
  ).toThrow(
    'task logistics.locations: expected 2 to 12 places in all cities together, got 15\n' +
      'task logistics.max_packages: expected min_packages (3) or more, got 2\n' +
      'task logistics.max_actions: expected min_actions (9) or more, got 1',
  );
  expect(() => createLogistics({ minActions: 99 }).item('train', 0)).toThrow(
    'change min_actions or max_actions',
  );
});

it('describes facts in words', () => {
  expect(
    ['at p0 l0-1', 'in p0 t0', 'in-city l0-1 c0', 'airport l0-0', 'obj p0'].map(LOGISTICS.describeFact),
  ).toEqual(['p0 is at l0-1', 'p0 is in t0', 'l0-1 is in c0', 'l0-0 is an airport', 'p0 is a package']);
});
