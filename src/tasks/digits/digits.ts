/**
 * The task `digits`: each digit of a sum has to be written by a different agent. `38+15=` is answered if one
 * agent writes `5` and another agent `3`. If two agents write the same digit, the team is wrong, although
 * each of them wrote a digit of the sum. The task assigns no digits to agents, so the team has to learn to
 * coordinate.
 * @module
 */
import { z } from 'zod';
import type { RandomStream } from '../../core/rng.ts';
import { BINARY_REWARD, correct, excerpt, incorrect, noAnswer } from '../../grade/verdict.ts';
import { choice, integer, number } from '../../schema/fields.ts';
import { defineTask } from '../../task/definition.ts';
import { drawFromSplit } from '../../task/split.ts';
import type { Demonstration, Split, Task, TaskItem, Verdict } from '../../task/task.ts';
import { seedOption } from '../shared/generated.ts';

export interface DigitsOptions {
  /** Number of digits of the sum, equal to the number of agents. All digits of a sum are different. */
  readonly digits: number;
  /** Largest second summand. It is drawn uniformly from 1..maxAddend. */
  readonly maxAddend: number;
  /** `free`: any agent may write any digit; `fixed`: agent i writes the i-th digit from the left. */
  readonly roles: 'free' | 'fixed';
  /** Share of demonstrations in which the digit is replaced by a digit that is drawn uniformly. */
  readonly demoNoise: number;
  /** Seed of the endless list of sums. The split of a sum does not depend on it. */
  readonly seed: number;
}

export const DEFAULT_DIGITS: DigitsOptions = {
  digits: 2,
  maxAddend: 99,
  roles: 'free',
  demoNoise: 0,
  seed: 1,
};

/** The task `digits` of a team file. */
export const digits = defineTask({
  name: 'digits',
  about: 'a sum whose digits are written by different agents, endless',
  options: z.strictObject({
    digits: integer({ min: 2, max: 6 })
      .default(2)
      .describe('Digits of the sum, all different; equal to the number of agents.'),
    max_addend: integer({ min: 1, max: 9999 })
      .default(99)
      .describe('The second number is drawn uniformly from 1 to this.'),
    roles: choice(['free', 'fixed'])
      .default('free')
      .describe(
        '`free`: any agent may write any digit; `fixed`: agent i writes the i-th digit from the left.',
      ),
    demo_noise: number({ min: 0, max: 1 })
      .default(0)
      .describe('Share of demonstrations whose digit is replaced by a random one.'),
    ...seedOption,
  }),
  create: (options) => createDigits(options),
});

interface Sum {
  readonly key: string;
  readonly left: number;
  readonly right: number;
}

/**
 * Creates the task. The gold answer of an item is its digits separated by spaces. The protocol `parts` joins
 * the messages of agents in the same way.
 */
export function createDigits(partial: Partial<DigitsOptions> = {}): Task {
  const options = { ...DEFAULT_DIGITS, ...partial };
  return {
    name: 'digits',
    rewardRange: BINARY_REWARD,
    alphabet: '0123456789+=',
    size: () => undefined,
    item(split: Split, index: number): TaskItem {
      const at = { seed: options.seed, split, index };
      const { left, right } = drawFromSplit('task digits', (stream) => drawSum(options, stream), at);
      const answer = [...String(left + right)].join(' ');
      return { id: `${split}-${index}`, prompt: `${left}+${right}=`, answer };
    },
    verify: (item, text) => verdictOf(item, text, options),
    answerOf: (text) => writtenDigits(text, options),
    demonstrate: (item, stream) => demonstrationOf(item, stream, options),
  };
}

/**
 * Draws two summands until their sum has the configured number of digits and all its digits are different.
 */
function drawSum({ digits, maxAddend }: DigitsOptions, stream: RandomStream): Sum {
  const least = 10 ** (digits - 1);
  for (;;) {
    const total = least + stream.int(9 * least);
    const right = 1 + stream.int(maxAddend);
    const left = total - right;
    if (left < 1 || new Set(String(total)).size < digits) continue;
    const key = [left, right].sort((a, b) => a - b).join('+');
    return { key, left, right };
  }
}

/**
 * Grades the digits in a text. A text with as many parts as the sum has digits is correct if the parts are
 * these digits; with fixed roles their order must be the same, too. A text with fewer parts, such as the
 * message of one agent, is never correct, but has reward 1 if its parts are different digits of the sum.
 */
function verdictOf({ answer = '' }: TaskItem, text: string, { roles }: DigitsOptions): Verdict {
  const parts = partsOf(text);
  const invalid = parts.find((part) => !isDigit(part));
  if (invalid !== undefined) return noAnswer(`expected one digit from each agent, got ${excerpt(invalid)}`);
  const expected = answer.split(' ');
  const isWhole = parts.length === expected.length;
  const written = inOrder(parts, isWhole && roles === 'fixed');
  const fits = new Set(parts).size === parts.length && parts.every((part) => expected.includes(part));
  if (parts.length < expected.length)
    return {
      correct: false,
      reward: Number(fits),
      answer: written,
      reason: `${written} is ${fits ? '' : 'not '}part of ${answer}`,
    };
  const isCorrect = isWhole && fits && (roles === 'free' || written === answer);
  return isCorrect
    ? correct(written, `${written} fits ${answer}`)
    : incorrect(written, `got ${written}, expected ${answer}`);
}

const partsOf = (text: string): string[] => text.split(' ').map((part) => part.trim());
const isDigit = (part: string): boolean => /^\d$/.test(part);

/** Returns the digits in normal form. They are sorted, except if their order matters, as with fixed roles. */
function inOrder(parts: readonly string[], isOrdered: boolean): string {
  return (isOrdered ? parts : [...parts].sort()).join(' ');
}

function writtenDigits(text: string, { digits, roles }: DigitsOptions): string | undefined {
  const parts = partsOf(text);
  if (!parts.every(isDigit)) return undefined;
  return inOrder(parts, parts.length === digits && roles === 'fixed');
}

/**
 * Creates a demonstration: one random digit of the sum. A base model that was trained on such demonstrations
 * has learned the digits of sums and prefers none of them.
 */
function demonstrationOf(
  { answer = '' }: TaskItem,
  stream: RandomStream,
  { demoNoise }: DigitsOptions,
): Demonstration {
  const expected = answer.split(' ');
  const digit = stream.uniform() < demoNoise ? String(stream.int(10)) : expected[stream.int(expected.length)];
  return { messages: [digit] };
}
