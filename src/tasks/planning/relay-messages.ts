/**
 * A plan told by one speaker or by a relay. Two habits: `worked`, in which every speaker does one part of the plan
 * and shows what it comes to, and the last one does all parts that are left and writes down the whole plan; and
 * `direct`, in which every speaker writes the whole plan.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import { ANSWER_MARKER } from '../shared/habit.ts';
import type { DemonstrationOptions, GeneratorOptions } from './generator.ts';
import type { Step } from './strips.ts';

/** A few actions that belong together, such as lifting a block and setting it down. */
export interface Part {
  readonly steps: readonly Step[];
  /** The actions and what they come to, in the compact notation: `^bc_b=a b c`. */
  readonly shown: string;
}

export interface Telling {
  readonly parts: readonly Part[];
  /** A plan in the compact notation, or as lines of words. */
  write(steps: readonly Step[]): string;
  /** A message with every name in it replaced by a uniform draw. */
  spoil(message: string, stream: RandomStream): string;
}

/**
 * Messages in order. Compact ones end in `#` and the plan once it is done, and later speakers repeat it; in
 * PlanBench's words a worked message is the plan as far as it got.
 *
 * @param stream - one uniform for the habit, one per message for noise, then those of the replaced names
 */
export function relayMessages(
  { parts, write, spoil }: Telling,
  { style, demoTurns, workedShare, demoNoise }: DemonstrationOptions & Pick<GeneratorOptions, 'style'>,
  stream: RandomStream,
): string[] {
  const isWorked = stream.uniform() < workedShare;
  const whole = parts.flatMap(({ steps }) => steps);
  const final = style === 'compact' ? `${ANSWER_MARKER}${write(whole)}` : write(whole);
  const messages = Array.from({ length: demoTurns }, (_, turn) => {
    if (!isWorked) return final;
    const isLast = turn === demoTurns - 1;
    const done = isLast ? parts.length : turn + 1;
    if (style === 'planbench') return write(parts.slice(0, done).flatMap(({ steps }) => steps));
    const told = parts.slice(turn, done).map(({ shown }) => shown);
    return `${told.join(';')}${done >= parts.length ? final : ''}`;
  });
  return messages.map((message) => (stream.uniform() < demoNoise ? spoil(message, stream) : message));
}
