/**
 * Compares two policies (teams, agents, votes) by paired differences on the same prompts.
 * @module
 */
import { DomainError } from '../core/errors.ts';
import { pairedDifferenceInterval } from '../core/stats.ts';
import type { DifferenceRecord } from '../train/events.ts';
import type { Scores } from './scores.ts';

export type MeasureName = 'avg' | 'pass' | 'maj' | 'reward';

/**
 * Computes the mean difference a - b over prompts and its paired 95% interval (Student's t).
 *
 * Prompts on which one of the two has no value are omitted; `prompts` of the result is the number of the
 * other prompts.
 *
 * @param a - e.g. scores of the trained team
 * @param b - e.g. scores of the untrained team, on the same prompts in the same order
 * @throws DomainError if the prompts differ, or fewer than 2 can be paired
 */
export function compare(a: Scores, b: Scores, measure: MeasureName = 'avg'): DifferenceRecord {
  const differs = a.items.findIndex((id, p) => id !== b.items[p]);
  if (a.items.length !== b.items.length || differs >= 0)
    throw new DomainError(
      `compare: expected the same prompts on both sides, got ${a.items.length} and ${b.items.length}` +
        (differs >= 0 ? `, different at ${differs}: ${a.items[differs]} and ${b.items[differs]}` : ''),
    );
  const differences = a[measure].perPrompt.map((value, p) => value - b[measure].perPrompt[p]);
  return pairedDifferenceInterval(differences.filter((value) => !Number.isNaN(value)));
}
