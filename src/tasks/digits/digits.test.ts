import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { parseTaskOptions } from '../../task/definition.ts';
import { splitOf } from '../../task/split.ts';
import { createDigits, digits } from './digits.ts';

const item = { id: 'x', prompt: '38+15=', answer: '5 3' };

describe('digits', () => {
  it('accepts the digits of the sum once each, in any order', () => {
    const task = createDigits();
    for (const [text, correct] of [
      ['5 3', true],
      ['3 5', true],
      ['5 5', false],
      ['3 3', false],
      ['5 4', false],
      ['5 3 5', false],
    ] as const)
      expect(task.verify(item, text)).toMatchObject({ correct, reward: Number(correct) });
    // in a vote both texts count as the same answer
    expect(task.verify(item, '3 5').answer).toBe(task.verify(item, '5 3').answer);
  });

  it('requires the order of the sum with fixed roles', () => {
    const task = createDigits({ roles: 'fixed' });
    expect(task.verify(item, '5 3').correct).toBe(true);
    expect(task.verify(item, '3 5').correct).toBe(false);
    expect(task.verify(item, '3').reward).toBe(1); // the digit of one agent
  });

  it('accepts one digit per agent and nothing else', () => {
    const task = createDigits();
    for (const text of ['53', '5 ', '', '5 x', '5 33', '= 3']) {
      const { correct, answer, reason } = task.verify(item, text);
      expect([correct, answer]).toEqual([false, undefined]);
      expect(reason).toContain('expected one digit from each agent');
    }
  });

  it('rewards the message of one agent for a digit of the sum, as an incorrect answer', () => {
    const task = createDigits();
    const verdicts = ['5', '3', '4'].map((text) => task.verify(item, text));
    expect(verdicts.map(({ reward }) => reward)).toEqual([1, 1, 0]);
    expect(verdicts.map(({ correct }) => correct)).toEqual([false, false, false]);
  });

  it('draws sums with the configured number of different digits, disjoint splits and correct gold answers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 5 }),
        fc.constantFrom('free', 'fixed'),
        fc.nat(300),
        (digits, roles, k) => {
          const task = createDigits({ digits, roles });
          for (const split of ['train', 'validation', 'test'] as const) {
            const { prompt, answer = '' } = task.item(split, k);
            const [left, right] = prompt.slice(0, -1).split('+').map(Number);
            expect(answer).toBe([...String(left + right)].join(' '));
            expect(new Set(answer.split(' ')).size).toBe(digits);
            expect(Math.min(left, right)).toBeGreaterThanOrEqual(1);
            expect(right).toBeLessThanOrEqual(99);
            expect(splitOf([left, right].sort((a, b) => a - b).join('+'))).toBe(split);
            expect(task.verify(task.item(split, k), answer).correct).toBe(true);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('demonstrates each digit of the sum, and random digits with noise', () => {
    const task = createDigits();
    const shown = Array.from(
      { length: 200 },
      (_, k) => task.demonstrate?.(item, randomStream(1, k)).messages[0],
    );
    const fives = shown.filter((digit) => digit === '5').length;
    expect(new Set(shown)).toEqual(new Set(['5', '3']));
    expect(fives).toBeGreaterThan(70);
    expect(fives).toBeLessThan(130);
    const noisy = createDigits({ demoNoise: 1 });
    const drawn = Array.from(
      { length: 200 },
      (_, k) => noisy.demonstrate?.(item, randomStream(1, k)).messages[0],
    );
    expect(new Set(drawn).size).toBe(10);
  });

  it('parses its options', () => {
    expect(parseTaskOptions(digits, { digits: 3, max_addend: 9, roles: 'fixed' })).toMatchObject({
      ...{ digits: 3, maxAddend: 9, roles: 'fixed', demoNoise: 0, seed: 1 },
    });
    expect(() => parseTaskOptions(digits, { digits: 7, roles: 'none' })).toThrow(
      'task digits.digits: expected an integer >= 2 and <= 6, got 7\ntask digits.roles: expected one of free, fixed, got "none"',
    );
  });
});
