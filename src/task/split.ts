/**
 * Splits that are disjoint by construction: a problem's canonical key is hashed to one of 100 buckets
 * and each split owns a range of them. Nothing else enters, not even the seed, so no run can train on
 * a problem that another run tests on.
 * @module
 */

import { bucketOf } from '../core/hash.ts';
import { type RandomStream, randomStream } from '../core/rng.ts';
import { TaskError } from '../support/errors.ts';
import type { Split } from './task.ts';

export const SPLITS: readonly Split[] = ['train', 'validation', 'test'];

const BUCKETS = 100;
/** First bucket of each split and the one after its last: 70, 15 and 15 percent of all problems. */
const RANGES: Readonly<Record<Split, readonly [number, number]>> = {
  train: [0, 70],
  validation: [70, 85],
  test: [85, 100],
};

/** A split misses a try with probability at most 0.85, so an existing one is missed with e^-1600. */
const MAX_TRIES = 10_000;

/** The split a problem belongs to; equivalent problems must be given the same key. */
export function splitOf(key: string): Split {
  const bucket = bucketOf(key, BUCKETS);
  const owner = SPLITS.find((split) => bucket >= RANGES[split][0] && bucket < RANGES[split][1]);
  return owner as Split; // the ranges cover every bucket
}

/** A problem drawn by a generator, with the name under which it is sorted into a split. */
export interface Keyed {
  readonly key: string;
}

/**
 * The index-th problem of a split: draws from the stream (seed, split, index) until one belongs there,
 * so problems of a split are independent draws from the generator, conditioned on the split. One
 * problem may therefore come up at two indices.
 *
 * @param where - the task, for the error message
 * @param draw - one problem from a stream
 * @throws TaskError if no problem of this split turns up, as when the options allow only a handful
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
