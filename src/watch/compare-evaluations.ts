/**
 * What can be said of several runs together: where each ended on test prompts, and paired differences
 * where they were measured on the same ones.
 * @module
 */
import { pairedChange } from '../evaluate/compare-runs.ts';
import { meanWithInterval } from '../run-view/event-rows.ts';
import { readEvents } from '../store/read-run.ts';
import type { WatchedRun } from './hub.ts';
import type { RunEnd } from './messages.ts';

/** In the order of the runs; the others are compared with the first. */
export function compareEnds(runs: readonly WatchedRun[]): RunEnd[] {
  const ends = runs.map((run) => ({ run, last: lastStageEvaluation(run) }));
  const base = ends[0];
  return ends.map(({ run, last }, k): RunEnd => {
    if (last === undefined) return { run: run.id };
    const evaluation = { stage: last.stage, prompts: last.rewards.length, ...meanWithInterval(last.rewards) };
    const other = k > 0 && base && taskOf(base.run) === taskOf(run) ? base.last?.rewards : undefined;
    const isPaired = other?.length === last.rewards.length && other.length > 1;
    return { run: run.id, evaluation, ...(isPaired && { difference: pairedChange(last.rewards, other) }) };
  });
}

function lastStageEvaluation({ dir }: WatchedRun) {
  return readEvents(dir)
    .filter((event) => event.kind === 'stage_evaluation')
    .at(-1);
}

/** The `task:` section of a configuration, whose prompts are the same if it is. */
function taskOf({ facts: { config } }: WatchedRun): string | undefined {
  return /^task:\n(?:[ ]+.*\n)*/m.exec(config)?.[0];
}
