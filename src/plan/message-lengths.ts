/**
 * Estimates the lengths of messages from samples that were cut off before the limit of a run.
 * @module
 */

/** A sampled message: its number of tokens, and whether it was cut off before its end. */
export interface SampledLength {
  readonly tokens: number;
  readonly isCut: boolean;
}

/**
 * Returns equally likely lengths of a message, at most `limit`. A complete message counts with its length.
 * The lengths of messages that were cut off are extrapolated: after the cut, messages are assumed to end with
 * the mean rate (ends per token) of all samples, so the remaining tokens are distributed exponentially. If no
 * sample ended, all messages are assumed to reach the limit.
 *
 * @param samples - not empty
 * @param limit - maximum number of tokens of a message
 */
export function messageLengths(samples: readonly SampledLength[], limit: number): number[] {
  const isCut = ({ tokens, isCut: cut }: SampledLength): boolean => cut && tokens < limit;
  const tokens = samples.reduce((sum, sample) => sum + sample.tokens, 0);
  const ends = samples.filter((sample) => !isCut(sample) && sample.tokens < limit).length;
  const cut = samples.filter(isCut);
  const rate = ends / tokens;
  return samples.map((sample) => {
    if (!isCut(sample)) return Math.min(sample.tokens, limit);
    if (rate === 0) return limit;
    const level = (cut.indexOf(sample) + 0.5) / cut.length; // quantile of the remaining length
    return Math.min(limit, sample.tokens - Math.log(1 - level) / rate);
  });
}

/** Maximum number of lengths that rates store. */
const STORED = 64;

/** Returns at most 64 evenly spaced order statistics of the lengths. */
export function thinnedLengths(lengths: readonly number[]): number[] {
  const sorted = [...lengths].sort((a, b) => a - b);
  if (sorted.length <= STORED) return sorted;
  return Array.from(
    { length: STORED },
    (_, k) => sorted[Math.floor(((k + 0.5) * sorted.length) / STORED)] as number,
  );
}
