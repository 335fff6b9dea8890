/**
 * Compares the newest stage evaluations of several runs. Computes paired differences between runs that were
 * evaluated on the same test prompts.
 * @module
 */
import { pairedChange } from '../evaluate/compare-runs.ts';
import { meanWithInterval } from '../run-view/event-rows.ts';
import { readEvents } from '../store/read-run.ts';
import type { LatestEvaluation } from './dashboard-api.ts';
import type { WatchedRun } from './watched-runs.ts';

/** Returns the newest stage evaluation of each run, with its paired difference from that of the first run. */
export function compareLatestEvaluations(runs: readonly WatchedRun[]): LatestEvaluation[] {
  const evaluated = runs.map((run) => ({ run, last: lastStageEvaluation(run) }));
  const base = evaluated[0];
  return evaluated.map(({ run, last }, k): LatestEvaluation => {
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

/** Returns the text of the `task:` section of config.yaml. Runs with equal sections have equal prompts. */
function taskOf({ facts: { config } }: WatchedRun): string | undefined {
  return /^task:\n(?:[ ]+.*\n)*/m.exec(config)?.[0];
}
