/**
 * The task `digits`: a sum whose digits are written by different agents. `38+15=` is answered if one agent writes `5` and
 * another one `3`. Every agent can write a digit of the sum while the team is wrong, because two agents wrote the same
 * one. Nothing assigns digits to agents; the team has to learn to coordinate.
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
  /** Digits of the sum, all different; equal to the number of agents. */
  readonly digits: number;
  /** The second number is drawn uniformly from 1 to this. */
  readonly maxAddend: number;
  /** `free`: any agent may write any digit; `fixed`: agent i writes the i-th digit from the left. */
  readonly roles: 'free' | 'fixed';
  /** Share of demonstrations whose digit is replaced by a uniform draw. */
  readonly demoNoise: number;
  /** Selects the endless list of sums; splits do not depend on it. */
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

/** The answer of an item is its digits separated by spaces, as protocol `parts` joins the messages of agents. */
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

/** Draws sums until one has the configured number of digits, all different. */
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
 * With as many parts as digits, the text is correct if they are the digits of the sum, in order with fixed roles. With
 * fewer parts, as in the message of one agent, the reward is 1 if the sum has these digits, and the verdict is incorrect.
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

/** The digits in normal form: sorted, except with fixed roles, where the order matters. */
function inOrder(parts: readonly string[], isOrdered: boolean): string {
  return (isOrdered ? parts : [...parts].sort()).join(' ');
}

function writtenDigits(text: string, { digits, roles }: DigitsOptions): string | undefined {
  const parts = partsOf(text);
  if (!parts.every(isDigit)) return undefined;
  return inOrder(parts, parts.length === digits && roles === 'fixed');
}

/** A random digit of the sum. A base model trained on these knows the digits and prefers none of them. */
function demonstrationOf(
  { answer = '' }: TaskItem,
  stream: RandomStream,
  { demoNoise }: DigitsOptions,
): Demonstration {
  const expected = answer.split(' ');
  const digit = stream.uniform() < demoNoise ? String(stream.int(10)) : expected[stream.int(expected.length)];
  return { messages: [digit] };
}
