/**
 * Converts the events of a run to rows, the input of the run's views. Replaces the rewards of a stage
 * evaluation by their mean, its 95% interval and the paired change from the previous stage evaluation.
 * Returns every other event unchanged.
 * @module
 */
import { mean, pairedDifferenceInterval, wilsonInterval } from '../core/stats.ts';
import type { RunEvent } from '../train/events.ts';
import type { RunRow, StageEvaluationRow } from './rows.ts';
import { createRunView, foldRow, type RunView } from './run-view.ts';

type StageEvaluationEvent = Extract<RunEvent, { kind: 'stage_evaluation' }>;

export interface RowOptions {
  /** Whether the row of a stage evaluation includes the reward of every prompt; default false. */
  readonly keepRewards?: boolean;
}

/**
 * Creates a function that converts events to rows. Call it with all events of one run, in order.
 *
 * @returns a function from an event to its row, or to undefined for a `phase` event, which has no result
 */
export function createRowBuilder({
  keepRewards = false,
}: RowOptions = {}): (event: RunEvent) => RunRow | undefined {
  let previous: readonly number[] | undefined;
  return (event) => {
    if (event.kind === 'phase') return undefined;
    if (event.kind !== 'stage_evaluation') return event;
    const row = stageEvaluationRow(event, previous);
    previous = event.rewards;
    return keepRewards ? { ...row, rewards: event.rewards } : row;
  };
}

/**
 * Builds the view of a run from its events.
 *
 * @param events - all events of one run, in order
 */
export function foldEvents(events: Iterable<RunEvent>, options: RowOptions = {}): RunView {
  const view = createRunView();
  const rowOf = createRowBuilder(options);
  for (const event of events) {
    const row = rowOf(event);
    if (row !== undefined) foldRow(view, row);
  }
  return view;
}

/** @param previous - rewards [P] of the previous stage evaluation, which used the same prompts */
function stageEvaluationRow(
  { stage, rewards, agents }: StageEvaluationEvent,
  previous: readonly number[] | undefined,
): StageEvaluationRow {
  return {
    kind: 'stage_evaluation',
    stage,
    prompts: rewards.length,
    ...meanWithInterval(rewards),
    ...(previous?.length === rewards.length && rewards.length > 1 && { change: paired(rewards, previous) }),
    ...(agents && { agents }),
  };
}

/**
 * Computes the mean reward over prompts and its 95% interval: the Wilson interval if every reward is 0 or 1,
 * else the Student t interval. For a single reward other than 0 or 1, both bounds equal the reward.
 *
 * @param rewards - one per prompt [P], P >= 1
 */
export function meanWithInterval(
  rewards: readonly number[],
): Pick<StageEvaluationRow, 'mean' | 'low' | 'high'> {
  const sum = rewards.reduce((total, reward) => total + reward, 0);
  const isBinary = rewards.every((reward) => reward === 0 || reward === 1);
  if (isBinary) return wilsonInterval(sum, rewards.length);
  const center = mean(rewards);
  if (rewards.length < 2) return { mean: center, low: center, high: center };
  const { low, high } = pairedDifferenceInterval(rewards);
  return { mean: center, low, high };
}

function paired(
  after: readonly number[],
  before: readonly number[],
): NonNullable<StageEvaluationRow['change']> {
  return pairedDifferenceInterval(after.map((reward, p) => reward - before[p]!));
}
