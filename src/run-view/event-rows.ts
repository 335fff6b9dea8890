/**
 * Converts the events of a run to rows: replaces the rewards of a stage evaluation by their mean, interval
 * and paired change, and passes every other event on unchanged.
 * @module
 */
import { mean, pairedDifferenceInterval, wilsonInterval } from '../core/stats.ts';
import type { RunEvent } from '../train/events.ts';
import type { RunRow, StageEvaluationRow } from './rows.ts';
import { createRunView, foldRow, type RunView } from './run-view.ts';

type StageEvaluationEvent = Extract<RunEvent, { kind: 'stage_evaluation' }>;

export interface RowOptions {
  /** Keep the single rewards of stage evaluations in their rows; default false. */
  readonly keepRewards?: boolean;
}

/**
 * Creates the conversion for one run, to be called with its events in order.
 *
 * @returns a function from an event to its row; undefined for `phase` events, which carry no result
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

/** @param events - all events of one run, in order */
export function foldEvents(events: Iterable<RunEvent>, options: RowOptions = {}): RunView {
  const view = createRunView();
  const rowOf = createRowBuilder(options);
  for (const event of events) {
    const row = rowOf(event);
    if (row !== undefined) foldRow(view, row);
  }
  return view;
}

/** @param previous - rewards of the previous stage evaluation, on the same prompts [P] */
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
 * Mean of rewards over prompts with its 95% interval: Wilson's if every reward is 0 or 1, else Student's.
 * For a single reward other than 0 or 1, both bounds equal the reward.
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
