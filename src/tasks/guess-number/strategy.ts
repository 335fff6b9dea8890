/**
 * Strategies that select a guess among the codes that are consistent with all feedback, for demonstrations.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import { feedbackOn } from './code.ts';

/**
 * Maximum number of candidates whose entropies are computed. With more candidates the entropies hardly
 * differ.
 */
const MAX_COMPARED = 400;

export const STRATEGIES = ['consistent', 'entropy'] as const;

/**
 * Strategy: `consistent` selects any candidate, `entropy` a candidate whose feedback has the largest entropy.
 */
export type Strategy = (typeof STRATEGIES)[number];

/**
 * Selects a guess that is consistent with all feedback so far.
 *
 * @param candidates - the codes that are consistent, at least one
 * @param stream - the function draws one number from it
 */
export function goodGuess(candidates: readonly string[], strategy: Strategy, stream: RandomStream): string {
  const best =
    strategy === 'consistent' || candidates.length > MAX_COMPARED ? candidates : mostInformative(candidates);
  return best[stream.int(best.length)];
}

/**
 * Returns the candidates whose feedback has the largest entropy if the secret is uniform over the candidates.
 */
export function mostInformative(candidates: readonly string[]): string[] {
  const entropies = candidates.map((guess) => feedbackEntropy(guess, candidates));
  const largest = Math.max(...entropies);
  return candidates.filter((_, i) => entropies[i] >= largest - 1e-12);
}

/**
 * Returns the entropy of the feedback on a guess in bits, for a secret that is uniform over the candidates.
 */
export function feedbackEntropy(guess: string, candidates: readonly string[]): number {
  const counts = new Map<number, number>();
  for (const code of candidates) {
    const { placed, misplaced } = feedbackOn(code, guess);
    const key = placed * 16 + misplaced;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  let entropy = 0;
  // sorted, so that guesses with the same counts get exactly the same floating-point sum
  for (const count of [...counts.values()].sort((a, b) => a - b)) {
    const p = count / candidates.length;
    entropy -= p * Math.log2(p);
  }
  return entropy;
}
