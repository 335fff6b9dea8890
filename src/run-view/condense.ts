/**
 * From events to rows: a stage evaluation's single rewards become a mean with its interval and a
 * paired change, everything else stays as it is.
 * @module
 */
import { mean, pairedDifferenceInterval, wilsonInterval } from '../core/stats.ts';
import type { RunEvent } from '../train/events.ts';
import type { StageEvaluationRow, WatchRow } from './rows.ts';

type StageEvaluationEvent = Extract<RunEvent, { kind: 'stage_evaluation' }>;

/** Makes rows of one run's events, in their order. */
export function createCondenser(): (event: RunEvent) => WatchRow | undefined {
  let before: readonly number[] | undefined;
  return (event) => {
    if (event.kind === 'phase') return undefined;
    if (event.kind !== 'stage_evaluation') return event;
    const row = stageEvaluationRow(event, before);
    before = event.rewards;
    return row;
  };
}

/** @param before - rewards of the measurement before, on the same prompts [P] */
function stageEvaluationRow(
  { stage, rewards, agents }: StageEvaluationEvent,
  before: readonly number[] | undefined,
): StageEvaluationRow {
  return {
    kind: 'stage_evaluation',
    stage,
    prompts: rewards.length,
    ...meanWithInterval(rewards),
    ...(before?.length === rewards.length && rewards.length > 1 && { change: paired(rewards, before) }),
    ...(agents && { agents }),
  };
}

/**
 * The mean of rewards over prompts with its 95% interval: Wilson's where every one is 0 or 1, else
 * Student's; a single other reward has none, its bounds are itself.
 *
 * @param rewards - one per prompt [P], P >= 1
 */
export function meanWithInterval(
  rewards: readonly number[],
): Pick<StageEvaluationRow, 'mean' | 'low' | 'high'> {
  const sum = rewards.reduce((total, reward) => total + reward, 0);
  const areShares = rewards.every((reward) => [0, 1].includes(reward));
  if (areShares) return wilsonInterval(sum, rewards.length);
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
