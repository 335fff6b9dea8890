import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { parseTaskOptions } from '../../task/definition.ts';
import { SPLITS, splitOf } from '../../task/split.ts';
import { readStatement } from '../planning/planbench-prompt.ts';
import { type BlocksworldOptions, blocksworld, createBlocksworld } from './blocksworld.ts';
import { BLOCKSWORLD, towersOf } from './domain.ts';
import { compactPlan, compactPrompt, readCompactPlan } from './notation.ts';
import { COLOURS, coloured, readFact } from './planbench-text.ts';
import { type Puzzle, problemOf, puzzleKey } from './puzzle.ts';
import { structureKey } from './structure.ts';

const options = fc
  .record({
    minBlocks: fc.integer({ min: 2, max: 4 }),
    more: fc.integer({ min: 0, max: 1 }),
    style: fc.constantFrom('compact', 'planbench'),
    shots: fc.constantFrom(0, 1),
    demoTurns: fc.integer({ min: 1, max: 4 }),
    workedShare: fc.constantFrom(0, 0.5, 1),
    accept: fc.constantFrom('valid', 'optimal'),
  })
  .map(
    ({ more, ...rest }): Partial<BlocksworldOptions> => ({
      ...rest,
      maxBlocks: rest.minBlocks + more,
      names: 8,
    }),
  );

describe('blocksworld', () => {
  it('reads plans in compact notation and gives reasons', () => {
    const task = createBlocksworld();
    const puzzle = { start: [['c', 'b'], ['a']], wanted: [['a', 'b']], plan: [] };
    const item = { id: 'x', prompt: compactPrompt(puzzle), data: puzzle };
    expect(item.prompt).toBe('cb a>ab:');
    expect(task.verify(item, 'well #^bc_ba').reason).toBe('reaches the goal in 2 actions');
    expect(task.verify(item, '#^bc_b ^b_ba')).toMatchObject({ correct: true, reward: 1 });
    expect(task.verify(item, '#^bc^a_ab').reason).toBe('action 2, pick up a: the hand is not empty');
    expect(task.verify(item, '^bc_ba').reason).toBe('no answer: the text has no "#"');
    for (const text of ['#', '#bc', '#^', '#^bca', '#^b _', '#x^b', `#${'^b_b'.repeat(600)}`]) {
      expect(task.verify(item, text)).toMatchObject({ correct: false, reward: 0 });
      expect(task.verify(item, text).answer).toBeUndefined();
    }
  });

  it('demonstrates correct plans in its alphabet, with the configured number of messages', () => {
    fc.assert(
      fc.property(options, fc.constantFrom(...SPLITS), fc.nat(1000), (given, split, index) => {
        const task = createBlocksworld(given);
        const item = task.item(split, index);
        const { messages } = task.demonstrate?.(item, randomStream(index)) ?? { messages: [] };
        expect(messages).toHaveLength(given.demoTurns ?? 1);
        expect(messages.every((message) => message !== '')).toBe(true);
        expect(task.verify(item, messages[messages.length - 1] ?? '')).toMatchObject({
          correct: true,
          reward: 1,
        });
        expect(item.difficulty).toBe(String((item.data as Puzzle).plan.length));
        const alphabet = new Set(task.alphabet);
        expect(
          [...item.prompt, ...messages.join('')].filter((character) => !alphabet.has(character)),
        ).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it('gives every agent of a relay one move, and the last agent the rest and the whole plan', () => {
    const task = createBlocksworld({ demoTurns: 3, workedShare: 1 });
    const puzzle = {
      start: [['a', 'b', 'c']],
      wanted: [['a', 'c', 'b']],
      plan: readPlan('^cb_c^ba_b^c_ca^b_bc'),
    };
    const item = { id: 'x', prompt: compactPrompt(puzzle), data: puzzle };
    expect(task.demonstrate?.(item, randomStream(1)).messages).toEqual([
      '^cb_c=ab c',
      '^ba_b=a b c',
      '^c_ca=ac b;^b_bc=acb#^cb_c^ba_b^c_ca^b_bc',
    ]);
    const short = { ...puzzle, wanted: [['b', 'c']], start: [['b'], ['c']], plan: readPlan('^c_cb') };
    expect(task.demonstrate?.({ ...item, data: short }, randomStream(1)).messages).toEqual([
      '^c_cb=bc#^c_cb',
      '#^c_cb',
      '#^c_cb',
    ]);
    const direct = createBlocksworld({ demoTurns: 2, workedShare: 0 });
    expect(direct.demonstrate?.({ ...item, data: short }, randomStream(1)).messages).toEqual([
      '#^c_cb',
      '#^c_cb',
    ]);
  });

  it('adds noise to the configured share of messages', () => {
    const task = createBlocksworld({ demoNoise: 0.5 });
    let right = 0;
    for (let i = 0; i < 400; i++) {
      const item = task.item('train', i);
      right += Number(
        task.verify(item, task.demonstrate?.(item, randomStream(2, i)).messages[0] ?? '').correct,
      );
    }
    expect(right / 400).toBeGreaterThan(0.4);
    expect(right / 400).toBeLessThan(0.62);
  });

  it('rejects plans with an action removed, swapped or applied to another block', () => {
    const task = createBlocksworld({ minBlocks: 3, maxBlocks: 4 });
    fc.assert(
      fc.property(fc.nat(500), fc.nat(), (index, at) => {
        const item = task.item('train', index);
        const { plan } = item.data as Puzzle;
        const k = at % plan.length;
        const left = plan.filter((_, position) => position !== k);
        const first = plan[0];
        const swapped = [...plan.slice(0, k), ...plan.slice(k, k + 2).reverse(), ...plan.slice(k + 2)];
        const astray = plan.with(0, { action: first.action, objects: ['z', ...first.objects.slice(1)] });
        for (const wrong of [left, astray, ...(k + 1 < plan.length ? [swapped] : [])])
          expect(task.verify(item, `#${compactPlan(wrong)}`)).toMatchObject({ correct: false, reward: 0 });
      }),
      { numRuns: 100 },
    );
  });

  it('assigns problems to splits by problem or by structure', () => {
    for (const splitBy of ['problem', 'structure'] as const) {
      const task = createBlocksworld({ splitBy, minBlocks: 3, maxBlocks: 4 });
      for (const split of SPLITS)
        for (let index = 0; index < 60; index++) {
          const puzzle = task.item(split, index).data as Puzzle;
          expect(splitOf(splitBy === 'structure' ? structureKey(puzzle) : puzzleKey(puzzle))).toBe(split);
        }
    }
    const seeds = [1, 2].map((seed) => createBlocksworld({ seed }).item('train', 0).prompt);
    expect(seeds[0]).not.toBe(seeds[1]);
  });

  it('draws problems with the configured number of blocks and actions', () => {
    const task = createBlocksworld({ minBlocks: 3, maxBlocks: 4, minActions: 6, maxActions: 8 });
    const lengths = new Set<number>();
    for (let index = 0; index < 50; index++) {
      const { start, plan } = task.item('validation', index).data as Puzzle;
      expect(start.flat().length).toBeGreaterThan(2);
      expect(start.flat().length).toBeLessThan(5);
      lengths.add(plan.length);
    }
    expect([...lengths].sort()).toEqual([6, 8]);
    expect(() => createBlocksworld({ minActions: 90 }).item('train', 0)).toThrow(
      'change min_actions or max_actions',
    );
  });

  it('has the problem in words in both styles', () => {
    const [compact, planbench] = (['compact', 'planbench'] as const).map((style) =>
      createBlocksworld({ style }).item('train', 3),
    );
    expect(compact.problem).toBe(planbench.problem);
    expect(compact.problem).toMatch(
      /^\[STATEMENT\]\nAs initial conditions I have that, the \w+ block is clear/,
    );
    expect(planbench.prompt).toContain(`${planbench.problem}\n\nMy plan`);
  });

  it("states problems in PlanBench's wording, which can be parsed", () => {
    const task = createBlocksworld({ style: 'planbench', minBlocks: 2, maxBlocks: 5, names: 12 });
    for (let index = 0; index < 50; index++) {
      const item = task.item('test', index);
      const problem = coloured(problemOf(item.data as Puzzle));
      expect(readStatement(item.prompt, readFact)).toEqual({ problem });
      const { start, wanted } = towersOf(problem);
      const letters = (towers: readonly (readonly string[])[]) =>
        towers.map((tower) => tower.map((colour) => 'abcdefghijkl'[COLOURS.indexOf(colour)])).sort();
      expect(puzzleKey({ start: letters(start), wanted: letters(wanted) })).toBe(
        puzzleKey(item.data as Puzzle),
      );
    }
    expect(createBlocksworld({ style: 'planbench', shots: 0 }).item('train', 0).prompt).toMatch(
      /\n\nWhat is the plan to achieve my goal\? Just give the actions in the plan\.$/,
    );
  });
});

function readPlan(text: string) {
  const read = readCompactPlan(text);
  if ('problem' in read) throw new Error(read.problem);
  return read.plan;
}

it('parses options, and rejects invalid ones with clear errors', () => {
  const items = (options: object) => {
    const task = blocksworld.create(parseTaskOptions(blocksworld, { ...options }), {});
    return Array.from({ length: 10 }, (_, index) => task.item('train', index));
  };
  expect(items({ min_blocks: 4 })).toEqual(items({ min_blocks: 4, max_blocks: 4, names: 6 }));
  expect(items({ min_blocks: 7 })).toEqual(items({ min_blocks: 7, max_blocks: 7, names: 7 }));
  expect(items({})).toEqual(items({ min_blocks: 3, max_blocks: 3, names: 6, max_actions: null }));
  expect(() =>
    parseTaskOptions(blocksworld, { min_blocks: 5, max_blocks: 4, names: 3, min_actions: 4, max_actions: 2 }),
  ).toThrow(
    'task blocksworld.max_blocks: expected min_blocks (5) or more, got 4\n' +
      'task blocksworld.names: expected max_blocks (4) or more, got 3\n' +
      'task blocksworld.max_actions: expected min_actions (4) or more, got 2',
  );
});

it('describes facts in words', () => {
  expect(['on a b', 'ontable a', 'clear a', 'holding a', 'handempty'].map(BLOCKSWORLD.describeFact)).toEqual([
    'a is on b',
    'a is on the table',
    'a is clear',
    'the hand holds a',
    'the hand is empty',
  ]);
});
