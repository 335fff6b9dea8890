import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { ConfigError } from '../../support/errors.ts';
import { parseTaskOptions } from '../../task/definition.ts';
import { SPLITS } from '../../task/split.ts';
import type { TaskItem } from '../../task/task.ts';
import { type CountdownOptions, countdown, createCountdown } from './countdown.ts';
import { type Puzzle, puzzleKey } from './puzzle.ts';

function puzzleItem(numbers: number[], target: number): TaskItem {
  const data: Puzzle = { numbers, target, steps: [], expression: '' };
  return { id: 'train-0', prompt: `${numbers.join(' ')}>${target}:`, data };
}

const task = createCountdown();
const item = puzzleItem([2, 5, 9], 43);

const shapes: readonly Partial<CountdownOptions>[] = [
  {},
  { useAll: false, numbers: 4 },
  { operations: ['+', '-'], maxNumber: 9 },
  { operations: ['*', '/'], numbers: 3, maxTarget: 500 },
  { numbers: 6, maxNumber: 100, maxTarget: 999 },
];

describe('items', () => {
  it('are solvable: the verifier accepts all demonstrations, worked and direct', () => {
    for (const shape of shapes)
      for (const workedShare of [0, 1]) {
        const shaped = createCountdown({ ...shape, workedShare });
        for (const split of SPLITS)
          for (let index = 0; index < 60; index++) {
            const puzzle = shaped.item(split, index);
            const [message] = shaped.demonstrate?.(puzzle, randomStream(index)).messages ?? [];
            expect(shaped.verify(puzzle, message)).toMatchObject({ correct: true, reward: 1 });
          }
      }
  });

  it('have the configured shape', () => {
    const shaped = createCountdown({ numbers: 4, maxNumber: 12, maxTarget: 60, operations: ['+', '*'] });
    for (let index = 0; index < 300; index++) {
      const { numbers, target, expression } = shaped.item('train', index).data as Puzzle;
      expect(numbers).toHaveLength(4);
      expect(Math.max(...numbers)).toBeLessThanOrEqual(12);
      expect(Math.min(...numbers)).toBeGreaterThanOrEqual(1);
      expect(target).toBeLessThanOrEqual(60);
      expect(expression).toMatch(/^[0-9+*()]+$/);
    }
  });

  it('depend on options, split and index alone', () => {
    expect(createCountdown().item('test', 5)).toEqual(task.item('test', 5));
    expect(createCountdown({ seed: 9 }).item('test', 5)).not.toEqual(task.item('test', 5));
  });

  it('are disjoint between splits, also up to the order of the numbers', () => {
    const owner = new Map<string, string>();
    for (const split of SPLITS)
      for (let index = 0; index < 2000; index++) {
        const key = puzzleKey(createCountdown({ maxNumber: 9 }).item(split, index).data as Puzzle);
        expect(owner.get(key) ?? split).toBe(split);
        owner.set(key, split);
      }
    expect(owner.size).toBeGreaterThan(1000);
    const [a, b] = [puzzleItem([2, 5, 9], 43), puzzleItem([9, 2, 5], 43)];
    expect(puzzleKey(a.data as Puzzle)).toBe(puzzleKey(b.data as Puzzle));
  });

  it('do not contain the target as a number if numbers may be left out', () => {
    const shaped = createCountdown({ useAll: false, maxNumber: 9 });
    for (let index = 0; index < 300; index++) {
      const { numbers, target } = shaped.item('train', index).data as Puzzle;
      expect(numbers).not.toContain(target);
    }
  });

  it('contain only characters of the alphabet', () => {
    for (let index = 0; index < 200; index++) {
      const puzzle = task.item('train', index);
      const [message] = task.demonstrate?.(puzzle, randomStream(index)).messages ?? [];
      for (const character of puzzle.prompt + message) expect(task.alphabet).toContain(character);
    }
  });

  it('throw if the options allow no puzzle', () => {
    const impossible = createCountdown({ operations: ['*'], numbers: 6, maxNumber: 999, maxTarget: 1 });
    expect(() => impossible.item('train', 0)).toThrow(ConfigError);
    expect(() => impossible.item('train', 0)).toThrow(/raise max_target or lower numbers/);
  });
});

describe('verify', () => {
  it('accepts every expression that uses each number once and reaches the target exactly', () => {
    for (const text of ['#9*5-2', '9*5=45;45-2=43#9*5-2', '#-2+(5*9)', 'first #1 then # 5 × 9 − 2'])
      expect(task.verify(item, text)).toEqual({
        correct: true,
        reward: 1,
        answer: '5*9-2',
        reason: 'reaches 43',
      });
  });

  it('evaluates fractions and negative numbers', () => {
    expect(task.verify(puzzleItem([3, 3, 8, 8], 24), '#8/(3-8/3)').correct).toBe(true);
    expect(task.verify(puzzleItem([4, 7, 1], 3), '#-(4-7)*1')).toMatchObject({
      correct: true,
      answer: '(7-4)*1',
    });
  });

  it('names the number that was misused', () => {
    const reason = (text: string) => task.verify(item, text).reason;
    expect(reason('#9*5')).toBe('leaves out 2');
    expect(reason('#43')).toBe('uses 43, which is not given');
    expect(reason('#9*5-2-0')).toBe('uses 0, which is not given');
    expect(reason('#9*5-2+2-2')).toBe('uses 2 more often than it is given');
    expect(reason('#9')).toBe('leaves out 2 and 5');
    expect(reason('#95-2')).toBe('uses 95, which is not given');
  });

  it('allows a number as often as it is given', () => {
    const twice = puzzleItem([4, 4, 2], 18);
    expect(task.verify(twice, '#4*4+2').correct).toBe(true);
    expect(task.verify(twice, '#4*4+4-2').reason).toBe('uses 4 more often than it is given');
    expect(task.verify(twice, '#4+2').reason).toBe('leaves out 4');
  });

  it('accepts unused numbers, but not repeated ones, with use_all false', () => {
    const free = createCountdown({ useAll: false });
    expect(free.verify(puzzleItem([2, 5, 9], 45), '#9*5').correct).toBe(true);
    expect(free.verify(puzzleItem([2, 5, 9], 81), '#9*9').correct).toBe(false);
  });

  it('gives the value of an incorrect expression', () => {
    expect(task.verify(item, '#9+5+2').reason).toBe('gives 16, expected 43');
    expect(task.verify(item, '#9/5+2').reason).toBe('gives 19/5, expected 43');
    expect(task.verify(item, '#2-5-9').reason).toBe('gives -12, expected 43');
  });

  it('has an answer for an incorrect expression, and none for other text', () => {
    expect(task.verify(item, '#5+9+2').answer).toBe('2+5+9');
    expect(task.verify(item, '#9*5').answer).toBe('5*9');
    for (const text of ['9*5-2', '#', '#9*5-2=43', '#9*(5-2', '#nine', '#9/(5-5)', `#${'('.repeat(300)}`]) {
      expect(task.verify(item, text).answer).toBeUndefined();
      expect(task.verify(item, text).reason).toMatch(/^no answer: /);
    }
    expect(task.verify(item, '#9/(5-5)').reason).toBe('no answer: the expression divides by zero');
  });

  it('never throws', () => {
    const noise = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'#()+-*/ 0259') }));
    fc.assert(
      fc.property(noise, (text) => {
        const verdict = task.verify(item, text);
        expect(verdict.reward).toBe(verdict.correct ? 1 : 0);
        expect(verdict.reason).not.toBe('');
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the options of countdown', () => {
  it('have snake_case keys, and others are errors', () => {
    const read = parseTaskOptions(countdown, { use_all: false, max_number: 9, operations: '/+' });
    expect(read).toMatchObject({ useAll: false, maxNumber: 9, operations: ['+', '/'], numbers: 3 });
    expect(() => parseTaskOptions(countdown, { useAll: true })).toThrow('did you mean "use_all"?');
  });
});
