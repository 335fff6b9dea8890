import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { parseTaskOptions } from '../../task/definition.ts';
import { splitOf } from '../../task/split.ts';
import type { GeneratedZebra } from './generate.ts';
import { readPuzzle } from './official-text.ts';
import { puzzleKey } from './puzzle.ts';
import { solve } from './solver.ts';
import { createZebra, zebra } from './zebra.ts';

const SPLITS = ['train', 'validation', 'test'] as const;

describe('task zebra', () => {
  it('draws puzzles of the requested split with one solution, which demonstrations give', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 4 }),
        fc.integer({ min: 2, max: 4 }),
        fc.constantFrom('compact', 'official'),
        fc.nat(1000),
        (houses, features, style, k) => {
          const task = createZebra({ houses, features, style });
          for (const split of SPLITS) {
            const item = task.item(split, k);
            const puzzle = item.data as GeneratedZebra;
            expect(splitOf(puzzleKey(puzzle))).toBe(split);
            expect(solve(puzzle).found).toEqual([puzzle.house]);
            expect(task.item(split, k)).toEqual(item);
            const text = task.demonstrate?.(item, randomStream(k)).messages[0] ?? '';
            expect(task.verify(item, text)).toMatchObject({ correct: true, reward: 1 });
            const unknown = [...item.prompt, ...text].filter(
              (character) => !task.alphabet?.includes(character),
            );
            expect(unknown).toEqual([]);
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  it('has a compact style, and verifies the houses of all values', () => {
    const task = createZebra({ workedShare: 1 });
    const item = task.item('train', 0);
    expect(item.prompt).toMatch(/^3x2(;[A-F](=|!|<|<<|>>|~|-|--)[A-F1-3])+:$/);
    expect(item.answer).toMatch(/^[123]{3} [123]{3}$/);
    expect(task.demonstrate?.(item, randomStream(1)).messages[0]).toMatch(/^([A-F][1-3];){5}[A-F][1-3]#/);
    const answer = item.answer ?? '';
    expect(task.verify(item, `B1#${answer}`)).toEqual({
      correct: true,
      reward: 1,
      answer,
      reason: 'all 6 cells are right',
    });
    const swapped = `${answer[1]}${answer[0]}${answer.slice(2)}`;
    expect(task.verify(item, `#${swapped.replace(' ', '')}`)).toEqual({
      correct: false,
      reward: 0,
      answer: swapped,
      reason: '4 of 6 cells are right',
    });
    expect(createZebra({ reward: 'cells' }).verify(item, `#${swapped}`).reward).toBeCloseTo(4 / 6, 12);
    for (const text of ['123 123', '#123', '#123 124', '#123 1234', '#', `#${'1'.repeat(1e6)}`])
      expect(task.verify(item, text).reason).toMatch(/^no answer: /);
  });

  it('has an official style, which the parser of official puzzles accepts', () => {
    const task = createZebra({ style: 'official', houses: 4, features: 3 });
    const item = task.item('test', 5);
    const text = item.prompt.split('# Puzzle to Solve \n\n')[1]?.split('\n\n\n# Instruction')[0] ?? '';
    const puzzle = item.data as GeneratedZebra;
    expect(readPuzzle(text)).toEqual({ houses: 4, columns: puzzle.columns, clues: puzzle.clues });
    expect(puzzle.columns[0]?.header).toBe('Name');
    expect(task.verify(item, 'so {"solution": {}}')).toMatchObject({
      correct: false,
      reason: '0 of 12 cells are right',
    });
    expect(task.verify(item, item.answer ?? '').correct).toBe(true);
    expect(item.difficulty).toMatch(/^4x3 (deduction|search)$/);
  });

  it('draws sizes in the configured range and uses the configured kinds of clue', () => {
    const task = createZebra({
      houses: 2,
      maxHouses: 4,
      features: 2,
      maxFeatures: 3,
      clueKinds: ['at', 'same'],
    });
    const puzzles = Array.from({ length: 40 }, (_, k) => task.item('train', k).data as GeneratedZebra);
    expect(new Set(puzzles.map(({ houses }) => houses))).toEqual(new Set([2, 3, 4]));
    expect(new Set(puzzles.map(({ columns }) => columns.length))).toEqual(new Set([2, 3]));
    expect(new Set(puzzles.flatMap(({ clues }) => clues.map(({ kind }) => kind)))).toEqual(
      new Set(['at', 'same']),
    );
  });

  it('replaces the digits of noisy demonstrations', () => {
    const task = createZebra({ workedShare: 0, demoNoise: 1 });
    const item = task.item('train', 3);
    const texts = Array.from(
      { length: 50 },
      (_, k) => task.demonstrate?.(item, randomStream(k)).messages[0] ?? '',
    );
    expect(texts.filter((text) => task.verify(item, text).correct).length).toBeLessThan(3);
  });

  it('reads its options', () => {
    expect(parseTaskOptions(zebra, { houses: 4, max_features: 3, clue_kinds: 'same, at' })).toMatchObject({
      houses: 4,
      features: 2,
      maxFeatures: 3,
      clueKinds: ['at', 'same'],
      style: 'compact',
    });
    const { prompt } = zebra.create(parseTaskOptions(zebra, { houses: 4 }), {}).item('train', 0);
    expect(prompt).toMatch(/^4x2;/);
    expect(() => parseTaskOptions(zebra, { houses: 4, max_houses: 3, clue_kinds: 'near' })).toThrow(
      /clue_kinds: expected distinct names of at, not_at.*\n.*max_houses: expected houses \(4\) or more, got 3/,
    );
    expect(() => parseTaskOptions(zebra, { style: 'official', demo_noise: 0.1 })).toThrow(
      'task zebra.demo_noise: expected 0 with style official, got 0.1',
    );
  });

  it('rejects kinds of clue that cannot determine a solution', () => {
    expect(() => createZebra({ clueKinds: ['adjacent'] }).item('train', 0)).toThrow(
      'task zebra: expected clue_kinds that single out one solution, got adjacent; add "at" or "same"',
    );
  });
});
