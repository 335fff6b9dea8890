/**
 * Names of the random streams of a run: (seed, purpose, stage, agent, ...). A draw depends on its name
 * alone, so neither batching nor resuming changes one.
 * @module
 */
import { type RandomStream, randomStream } from '../core/rng.ts';

/** First key after the seed; numbers are part of what makes a run reproducible, so they never change. */
const PURPOSE = {
  rollout: 1,
  order: 2,
  minibatch: 3,
  gate: 4,
  shuffle: 5,
  check: 6,
  certificate: 7,
  stage_evaluation: 8,
} as const;

/** The stream of one purpose and further keys, e.g. stage and agent. */
export function trainStream(
  seed: number,
  purpose: keyof typeof PURPOSE,
  ...keys: readonly number[]
): RandomStream {
  return randomStream(seed, PURPOSE[purpose], ...keys);
}

/**
 * Draws for a shuffle of n things.
 *
 * @returns n - 1 uniforms, as `randomOrder` of the core takes them
 */
export function shuffleDraws(stream: RandomStream, n: number): Float64Array {
  return Float64Array.from({ length: Math.max(0, n - 1) }, () => stream.uniform());
}
