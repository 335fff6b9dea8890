/**
 * Estimates the share of groups that have a gradient, from fewer samples per prompt than a run takes.
 * @module
 */

/** Assumed share if all sampled groups have equal rewards. The share usually grows as soon as a team learns. */
export const ASSUMED_ACTIVE_SHARE = 0.5;

/**
 * Estimates the probability that the rewards of a group of `samples` episodes are not all equal.
 *
 * Groups of the full size are counted. Smaller groups are extrapolated with a beta-binomial distribution: the
 * probability that an episode gets the most frequent reward is assumed to have a beta distribution over
 * prompts, whose two parameters reproduce the mean of this probability and the share of pairs of episodes with
 * different rewards.
 *
 * @param groups - rewards of the episodes of each prompt, at least one each
 * @param samples - number of episodes per prompt in the run
 * @returns undefined if no two episodes of a prompt have different rewards
 */
export function estimateActiveShare(
  groups: readonly (readonly number[])[],
  samples: number,
): number | undefined {
  const isActive = (rewards: readonly number[]): boolean => rewards.some((reward) => reward !== rewards[0]);
  const active = groups.filter(isActive).length;
  if (active === 0) return undefined;
  if (groups.every(({ length }) => length >= samples)) return active / groups.length;
  const common = mostFrequent(groups.flat());
  const p = groups.flat().filter((reward) => reward === common).length / groups.flat().length;
  const different = meanOf(groups.filter(({ length }) => length > 1).map(pairsThatDiffer));
  // E[2 q (1 - q)] = 2 p (1 - p) n / (n + 1) for q ~ Beta(n p, n (1 - p))
  const ratio = Math.min(0.99, different / (2 * p * (1 - p)));
  const concentration = ratio / (1 - ratio);
  const equal =
    risingShare(concentration * p, concentration, samples) +
    risingShare(concentration * (1 - p), concentration, samples);
  return Math.min(1, Math.max(different, 1 - equal));
}

/** Product of (a + k) / (n + k) over k < count: probability that `count` draws all have the outcome of `a`. */
function risingShare(a: number, n: number, count: number): number {
  let product = 1;
  for (let k = 0; k < count; k++) product *= (a + k) / (n + k);
  return product;
}

/** Share of the pairs of values that are different. */
function pairsThatDiffer(values: readonly number[]): number {
  let different = 0;
  for (const [i, value] of values.entries())
    for (const other of values.slice(i + 1)) if (other !== value) different++;
  return different / ((values.length * (values.length - 1)) / 2);
}

function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
