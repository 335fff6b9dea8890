/**
 * Disjoint splits: the canonical key of a problem is hashed to one of 100 buckets, and each split has a range of buckets.
 * The split does not depend on a seed, so no run can train on a problem on which another run is evaluated.
 * @module
 */

import { bucketOf } from '../core/hash.ts';
import { type RandomStream, randomStream } from '../core/rng.ts';
import { TaskError } from '../support/errors.ts';
import type { Split } from './task.ts';

export const SPLITS: readonly Split[] = ['train', 'validation', 'test'];

const BUCKETS = 100;
/** First bucket of each split, and the bucket after its last one: 70, 15 and 15 percent of all problems. */
const RANGES: Readonly<Record<Split, readonly [number, number]>> = {
  train: [0, 70],
  validation: [70, 85],
  test: [85, 100],
};

/**
 * Maximum number of draws for a problem of a split. A draw is outside of the split with probability at most
 * 0.85, so all draws are with probability e^-1600.
 */
const MAX_TRIES = 10_000;

/** Returns the split of a problem. @param key - canonical key, equal for equivalent problems */
export function splitOf(key: string): Split {
  const bucket = bucketOf(key, BUCKETS);
  const owner = SPLITS.find((split) => bucket >= RANGES[split][0] && bucket < RANGES[split][1]);
  return owner as Split; // the ranges cover all buckets
}

/** A generated problem with its canonical key, which determines the split. */
export interface Keyed {
  readonly key: string;
}

/**
 * Returns the index-th problem of a split. Problems are drawn from the stream (seed, split, index) until one
 * belongs to the split. The problems of a split are therefore independent draws of the generator, conditioned
 * on the split, and one problem can occur at several indices.
 *
 * @param where - the task, for the error message
 * @param draw - draws one problem
 * @throws TaskError if no problem of the split was drawn, for example because the options allow only a few
 *   problems
 */
export function drawFromSplit<P extends Keyed>(
  where: string,
  draw: (stream: RandomStream) => P,
  at: { readonly seed: number; readonly split: Split; readonly index: number },
): P {
  const stream = randomStream(at.seed, SPLITS.indexOf(at.split), at.index);
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const problem = draw(stream);
    if (splitOf(problem.key) === at.split) return problem;
  }
  throw new TaskError(
    `${where}: expected problems for the ${at.split} split, got none in ${MAX_TRIES} draws; ` +
      'allow more or larger numbers',
    { code: 'TROUPE_TASK_EMPTY_SPLIT' },
  );
}
