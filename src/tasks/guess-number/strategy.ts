/**
 * Strategies by which demonstrations choose good guesses.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import { feedbackOn } from './code.ts';

/** With more candidates their entropies are not computed, because they hardly differ. */
const MAX_COMPARED = 400;

export const STRATEGIES = ['consistent', 'entropy'] as const;

/** `consistent`: any candidate; `entropy`: a candidate whose feedback has the largest entropy. */
export type Strategy = (typeof STRATEGIES)[number];

/**
 * A guess that agrees with all feedback so far.
 *
 * @param candidates - the codes that agree, at least one
 * @param stream - one draw
 */
export function goodGuess(candidates: readonly string[], strategy: Strategy, stream: RandomStream): string {
  const best =
    strategy === 'consistent' || candidates.length > MAX_COMPARED ? candidates : mostInformative(candidates);
  return best[stream.int(best.length)];
}

/** The candidates whose feedback has the largest entropy if the secret is uniform over the candidates. */
export function mostInformative(candidates: readonly string[]): string[] {
  const entropies = candidates.map((guess) => feedbackEntropy(guess, candidates));
  const largest = Math.max(...entropies);
  return candidates.filter((_, i) => entropies[i] >= largest - 1e-12);
}

/** Entropy of the feedback in bits, with the secret uniform over the candidates. */
export function feedbackEntropy(guess: string, candidates: readonly string[]): number {
  const counts = new Map<number, number>();
  for (const code of candidates) {
    const { placed, misplaced } = feedbackOn(code, guess);
    const key = placed * 16 + misplaced;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  let entropy = 0;
  // sorted, so that equal partitions have the same floating-point sum
  for (const count of [...counts.values()].sort((a, b) => a - b)) {
    const p = count / candidates.length;
    entropy -= p * Math.log2(p);
  }
  return entropy;
}
