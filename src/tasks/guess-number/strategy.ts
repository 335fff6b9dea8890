/**
 * How demonstrations guess: well, by a code that everything known allows, or as if nothing were known.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import { feedbackOn } from './code.ts';

/** Above this many codes left, their information is not compared: any is about as good. */
const MOST_COMPARED = 400;

export const STRATEGIES = ['consistent', 'entropy'] as const;

/** `consistent`: any code that fits; `entropy`: of these one that tells most. */
export type Strategy = (typeof STRATEGIES)[number];

/**
 * A guess that could be right.
 *
 * @param candidates - the codes that fit, at least one
 * @param stream - one draw
 */
export function goodGuess(candidates: readonly string[], strategy: Strategy, stream: RandomStream): string {
  const best =
    strategy === 'consistent' || candidates.length > MOST_COMPARED ? candidates : mostTelling(candidates);
  return best[stream.int(best.length)];
}

/** The candidates whose feedback has the largest entropy when any candidate may be the secret. */
export function mostTelling(candidates: readonly string[]): string[] {
  const entropies = candidates.map((guess) => feedbackEntropy(guess, candidates));
  const largest = Math.max(...entropies);
  return candidates.filter((_, i) => entropies[i] >= largest - 1e-12);
}

/** H(feedback) in bits, the secret uniform over the candidates. */
export function feedbackEntropy(guess: string, candidates: readonly string[]): number {
  const counts = new Map<number, number>();
  for (const code of candidates) {
    const { placed, misplaced } = feedbackOn(code, guess);
    const key = placed * 16 + misplaced;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  let entropy = 0;
  // sorted, so that equal partitions have equal sums
  for (const count of [...counts.values()].sort((a, b) => a - b)) {
    const p = count / candidates.length;
    entropy -= p * Math.log2(p);
  }
  return entropy;
}
