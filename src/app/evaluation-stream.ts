/**
 * The random stream that every evaluation uses.
 * @module
 */
import { type RandomStream, randomStream } from '../core/rng.ts';

/**
 * Second key of evaluation streams, after the seed. It differs from all keys of training
 * (`train/streams.ts`).
 */
const EVALUATION = 1001;

/**
 * Returns the random stream of evaluations. Teams evaluated with the same seed use the same streams, which
 * reduces the variance of their differences (common random numbers).
 */
export function evaluationStream(seed: number): RandomStream {
  return randomStream(seed, EVALUATION);
}
