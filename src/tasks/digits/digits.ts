/**
 * A sum whose digits are written by different agents: `38+15=` is answered by one agent writing `5` and
 * another `3`. Each agent alone can be right about a digit and the team still wrong, because two of them
 * wrote the same one; nobody says who writes which. What has to be learned is to fit together.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import { BINARY_REWARD, excerpt, noAnswer, right, wrong } from '../../grade/verdict.ts';
import { readOptions } from '../../support/options.ts';
import { drawFromSplit } from '../../task/split.ts';
import type { Demonstration, Split, Task, TaskItem, Verdict } from '../../task/task.ts';
import { readSeed } from '../shared/generated.ts';

export interface DigitsOptions {
  /** Digits of the sum, all different: as many as there are agents. */
  readonly digits: number;
  /** The second number is drawn uniformly from 1 to this. */
  readonly maxAddend: number;
  /** `free`: any agent may write any digit; `fixed`: agent i writes the i-th digit from the left. */
  readonly roles: 'free' | 'fixed';
  /** Share of demonstrations with a digit drawn uniformly instead. */
  readonly demoNoise: number;
  /** Names the endless list of sums; splits do not depend on it. */
  readonly seed: number;
}

export const DEFAULT_DIGITS: DigitsOptions = {
  digits: 2,
  maxAddend: 99,
  roles: 'free',
  demoNoise: 0,
  seed: 1,
};

/**
 * Reads YAML options: `digits` (2..6), `max_addend` (1..9999), `roles`, `demo_noise`, `seed`.
 *
 * @throws ConfigError listing everything that is wrong
 */
export function readDigitsOptions(record: Readonly<Record<string, unknown>>): DigitsOptions {
  const options = readOptions('task digits', record);
  const d = DEFAULT_DIGITS;
  const read: DigitsOptions = {
    digits: options.integer('digits', { default: d.digits, min: 2, max: 6 }),
    maxAddend: options.integer('max_addend', { default: d.maxAddend, min: 1, max: 9999 }),
    roles: options.choice('roles', ['free', 'fixed'], d.roles),
    demoNoise: options.share('demo_noise', d.demoNoise),
    seed: readSeed(options),
  };
  options.finish();
  return read;
}

interface Sum {
  readonly key: string;
  readonly left: number;
  readonly right: number;
}

/** The answer to an item is its digits, one blank apart, as protocol `parts` joins what agents write. */
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

/** A sum with the wanted number of digits, all different; drawn again until it has them. */
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
 * As many parts as digits: right if they are the sum's digits, in order where roles are fixed. Fewer parts,
 * a member's own: paid if the sum has these digits, but never the answer.
 */
function verdictOf({ answer = '' }: TaskItem, text: string, { roles }: DigitsOptions): Verdict {
  const parts = partsOf(text);
  const strange = parts.find((part) => !isDigit(part));
  if (strange !== undefined) return noAnswer(`expected one digit from each agent, got ${excerpt(strange)}`);
  const wanted = answer.split(' ');
  const isWhole = parts.length === wanted.length;
  const written = inOrder(parts, isWhole && roles === 'fixed');
  const fits = new Set(parts).size === parts.length && parts.every((part) => wanted.includes(part));
  if (parts.length < wanted.length)
    return {
      correct: false,
      reward: Number(fits),
      answer: written,
      reason: `${written} is ${fits ? '' : 'not '}part of ${answer}`,
    };
  const isRight = isWhole && fits && (roles === 'free' || written === answer);
  return isRight
    ? right(written, `${written} fits ${answer}`)
    : wrong(written, `got ${written}, expected ${answer}`);
}

const partsOf = (text: string): string[] => text.split(' ').map((part) => part.trim());
const isDigit = (part: string): boolean => /^\d$/.test(part);

/** The digits in normal form: their order says something only where every agent has its own. */
function inOrder(parts: readonly string[], isOrdered: boolean): string {
  return (isOrdered ? parts : [...parts].sort()).join(' ');
}

function writtenDigits(text: string, { digits, roles }: DigitsOptions): string | undefined {
  const parts = partsOf(text);
  if (!parts.every(isDigit)) return undefined;
  return inOrder(parts, parts.length === digits && roles === 'fixed');
}

/** One digit of the sum, any: a base that has learned this knows the digits and has no habit of its own. */
function demonstrationOf(
  { answer = '' }: TaskItem,
  stream: RandomStream,
  { demoNoise }: DigitsOptions,
): Demonstration {
  const wanted = answer.split(' ');
  const digit = stream.uniform() < demoNoise ? String(stream.int(10)) : wanted[stream.int(wanted.length)];
  return { messages: [digit] };
}
