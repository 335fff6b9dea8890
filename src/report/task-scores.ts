/**
 * What a task measures besides right and wrong, e.g. how much of the way to the answer was covered.
 * @module
 */
import type { Scores } from '../evaluate/scores.ts';

/** One line with every further score and its 95% interval; none where there is none. */
export function furtherLines({ further }: Scores): string[] {
  if (further === undefined) return [];
  const shown = Object.entries(further).map(
    ([name, { mean, low, high }]) => `${name} ${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`,
  );
  return [`further scores: ${shown.join(', ')}`];
}
