/**
 * The F1 score of AR-Bench for stories: the overlap of two multisets (bags) of words or characters.
 * @module
 */

/**
 * Returns F1 = 2PR / (P + R), where P = overlap / |prediction| and R = overlap / |truth|. The overlap counts
 * each word or character with the smaller of its two multiplicities. Without overlap F1 is 0.
 *
 * @example
 * bagF1(['a', 'cat'], ['a', 'black', 'cat']); // ≈> 0.8
 */
export function bagF1(prediction: readonly string[], truth: readonly string[]): number {
  const left = new Map<string, number>();
  for (const part of truth) left.set(part, (left.get(part) ?? 0) + 1);
  let overlap = 0;
  for (const part of prediction) {
    const count = left.get(part) ?? 0;
    if (count === 0) continue;
    left.set(part, count - 1);
    overlap++;
  }
  if (overlap === 0) return 0;
  const precision = overlap / prediction.length;
  const recall = overlap / truth.length;
  return (2 * precision * recall) / (precision + recall);
}

/**
 * Returns the two scores of the benchmark: F1 over words separated by whitespace, and F1 over characters.
 * Case and punctuation matter.
 */
export function storyF1(
  prediction: string,
  truth: string,
): { readonly words: number; readonly characters: number } {
  const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');
  return {
    words: bagF1(words(prediction), words(truth)),
    characters: bagF1([...prediction], [...truth]),
  };
}
