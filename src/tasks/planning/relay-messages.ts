/**
 * Writes demonstrations of a plan by one agent or by a relay of agents, in two response styles. `worked`:
 * every agent writes one part of the plan and the resulting state, and the last agent writes all remaining
 * parts and then the whole plan. `direct`: every agent writes the whole plan.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import { ANSWER_MARKER } from '../shared/response-style.ts';
import type { DemonstrationOptions, GeneratorOptions } from './generator.ts';
import type { Step } from './strips.ts';

/** Consecutive actions that belong together, such as lifting a block and setting it down. */
export interface DemonstrationPart {
  readonly steps: readonly Step[];
  /** Text of the part in compact notation: its actions and the resulting state, e.g. `^bc_b=a b c`. */
  readonly shown: string;
}

/** A plan divided into parts, and the functions that write it. */
export interface DemonstrationParts {
  readonly parts: readonly DemonstrationPart[];
  /** Writes actions in compact notation or as lines of words. */
  write(steps: readonly Step[]): string;
  /** Replaces every object name in a message by a name that is drawn uniformly. */
  addNoise(message: string, stream: RandomStream): string;
}

/**
 * Returns the messages of a demonstration in order. In compact style, the message that completes the plan
 * ends in `#` and the whole plan, and the messages after it repeat this. In PlanBench style, a worked message
 * is the plan up to and including the part of its agent.
 *
 * @param stream - draws one number for the response style, one per message for noise, and the replaced names
 */
export function relayMessages(
  { parts, write, addNoise }: DemonstrationParts,
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
    const shownParts = parts.slice(turn, done).map(({ shown }) => shown);
    return `${shownParts.join(';')}${done >= parts.length ? final : ''}`;
  });
  return messages.map((message) => (stream.uniform() < demoNoise ? addNoise(message, stream) : message));
}
