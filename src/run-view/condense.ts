/**
 * From events to rows: a held-out measurement's single rewards become a mean with its interval and a
 * paired change, everything else stays as it is.
 * @module
 */
import { mean, pairedDifferenceInterval, wilsonInterval } from '../core/stats.ts';
import type { RunEvent } from '../train/events.ts';
import type { HeldoutRow, WatchRow } from './rows.ts';

type HeldoutEvent = Extract<RunEvent, { kind: 'heldout' }>;

/** Makes rows of one run's events, in their order. */
export function createCondenser(): (event: RunEvent) => WatchRow | undefined {
  let before: readonly number[] | undefined;
  return (event) => {
    if (event.kind === 'phase') return undefined;
    if (event.kind !== 'heldout') return event;
    const row = heldoutRow(event, before);
    before = event.rewards;
    return row;
  };
}

/** @param before - rewards of the measurement before, on the same prompts [P] */
function heldoutRow(
  { stage, rewards, members }: HeldoutEvent,
  before: readonly number[] | undefined,
): HeldoutRow {
  return {
    kind: 'heldout',
    stage,
    prompts: rewards.length,
    ...meanWithInterval(rewards),
    ...(before?.length === rewards.length && rewards.length > 1 && { change: paired(rewards, before) }),
    ...(members && { members }),
  };
}

/**
 * The mean of rewards over prompts with its 95% interval: Wilson's where every one is 0 or 1, else
 * Student's; a single other reward has none, its bounds are itself.
 *
 * @param rewards - one per prompt [P], P >= 1
 */
export function meanWithInterval(rewards: readonly number[]): Pick<HeldoutRow, 'mean' | 'low' | 'high'> {
  const sum = rewards.reduce((total, reward) => total + reward, 0);
  const areShares = rewards.every((reward) => [0, 1].includes(reward));
  if (areShares) return wilsonInterval(sum, rewards.length);
  const center = mean(rewards);
  if (rewards.length < 2) return { mean: center, low: center, high: center };
  const { low, high } = pairedDifferenceInterval(rewards);
  return { mean: center, low, high };
}

function paired(after: readonly number[], before: readonly number[]): NonNullable<HeldoutRow['change']> {
  return pairedDifferenceInterval(after.map((reward, p) => reward - before[p]!));
}
