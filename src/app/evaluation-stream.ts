/**
 * Random stream of every evaluation.
 * @module
 */
import { type RandomStream, randomStream } from '../core/rng.ts';

/** Key of evaluation streams after the seed; far from the keys of training (`train/streams.ts`). */
const EVALUATION = 1001;

/** Teams evaluated with the same seed draw from the same streams, so that their differences are paired by draw too. */
export function evaluationStream(seed: number): RandomStream {
  return randomStream(seed, EVALUATION);
}
