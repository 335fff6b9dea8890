/**
 * The JSON form of a set of scores, shared by the reports of evaluations and benchmarks.
 * @module
 */
import type { Measure, Scores } from '../evaluate/scores.ts';

/** Returns the mean and the 95% interval of every score. `further` is absent if the task has no further scores. */
export function scoresJson({ avg, pass, maj, reward, further }: Scores): object {
  const interval = ({ mean, low, high }: Measure): object => ({ mean, low, high });
  const others = Object.entries(further ?? {}).map(([name, measure]) => [name, interval(measure)]);
  return {
    avg: interval(avg),
    pass: interval(pass),
    maj: interval(maj),
    reward: interval(reward),
    ...(further && { further: Object.fromEntries(others) }),
  };
}
