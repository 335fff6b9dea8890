/**
 * Renders the scores that a task measures in addition to correctness, e.g. the share of correct steps.
 * @module
 */
import type { Scores } from '../evaluate/scores.ts';

/** Returns one line with the name, mean and 95% interval of every such score; [] if the task has none. */
export function furtherLines({ further }: Scores): string[] {
  if (further === undefined) return [];
  const shown = Object.entries(further).map(
    ([name, { mean, low, high }]) => `${name} ${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`,
  );
  return [`further scores: ${shown.join(', ')}`];
}
