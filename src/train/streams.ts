/**
 * Names of the random streams of a run: (seed, purpose, stage, agent, ...). A draw depends only on the name of its
 * stream, so neither batching nor resuming changes it.
 * @module
 */
import { type RandomStream, randomStream } from '../core/rng.ts';

/** First key after the seed. The numbers must never change, or earlier runs cannot be reproduced. */
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

/** Returns the random stream of a purpose. The further keys are numbers such as stage and agent id. */
export function trainStream(
  seed: number,
  purpose: keyof typeof PURPOSE,
  ...keys: readonly number[]
): RandomStream {
  return randomStream(seed, PURPOSE[purpose], ...keys);
}

/** Returns n - 1 uniform draws, from which `randomOrder` in `core/` computes a random order of n items. */
export function shuffleDraws(stream: RandomStream, n: number): Float64Array {
  return Float64Array.from({ length: Math.max(0, n - 1) }, () => stream.uniform());
}
