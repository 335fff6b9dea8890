/**
 * A run as lines of text: one per stage, test and warning. What a pipe or a log file gets,
 * and what stays above the live view. Pure.
 * @module
 */

import { type Progress, timeLeftMs, tokensPerSecond } from '../run-view/progress.ts';
import type { GateRecord, RunEvent, UpdateRecord } from '../train/events.ts';
import { count, duration, plural, signed, small } from './format.ts';
import { phaseText } from './live-view.ts';

/**
 * What an event has to say for itself.
 *
 * @param view - progress after the event
 * @param stageUpdates - updates of the stage so far, in the order they were made
 * @returns undefined when it needs no line
 */
export function plainLine(
  event: RunEvent,
  view: Progress,
  { nowMs, stageUpdates }: { readonly nowMs: number; readonly stageUpdates: readonly UpdateRecord[] },
): string | undefined {
  switch (event.kind) {
    case 'run_started': {
      const from = event.fromStage > 0 ? `, going on after stage ${event.fromStage}` : '';
      return `team of ${event.agents.length} (${event.agents.join(', ')}), ${plural(event.stages, 'stage')}${from}`;
    }
    case 'stage_finished':
      return stageLine(event, view, { nowMs, stageUpdates });
    case 'gate':
      return gateLine(event);
    case 'warning':
      return `warning: ${event.message}`;
    case 'run_finished':
      return `finished after stage ${event.stage} in ${duration(nowMs - view.startedMs)}`;
    // the closing summary has these two in tables
    case 'stage_evaluation':
    case 'evaluation':
    case 'comparison':
    case 'phase':
    case 'stage_started':
    case 'rollout':
    case 'update':
    case 'checkpoint':
      return undefined;
    default:
      return event satisfies never;
  }
}

/** A sign of life within a long stage: `stage 3/20 · rollout ada 320/512 · reward 0.441`. */
export function heartbeatLine(view: Progress, nowMs: number): string {
  const reward = view.rewards.at(-1) ?? view.latestReward;
  return [
    view.stages > 0 ? `stage ${view.stage}/${view.stages}` : '',
    view.phase === undefined ? '' : phaseText(view.phase, view.agents),
    view.tokens > 0 ? `${count(tokensPerSecond(view, nowMs))} tok/s` : '',
    reward === undefined ? '' : `reward ${reward.toFixed(3)}`,
    leftText(view, nowMs),
  ]
    .filter((part) => part !== '')
    .join(' · ');
}

function stageLine(
  event: Extract<RunEvent, { kind: 'stage_finished' }>,
  view: Progress,
  { nowMs, stageUpdates }: { readonly nowMs: number; readonly stageUpdates: readonly UpdateRecord[] },
): string {
  const kls = stageUpdates.map((update) => {
    const last = update.attempts.at(-1);
    return last === undefined ? '-' : small(last.klQuantile);
  });
  const backtracks = stageUpdates.reduce((sum, update) => sum + Math.max(0, update.attempts.length - 1), 0);
  const refused = stageUpdates.filter(({ status }) => status !== 'ACCEPT').map(({ status }) => status);
  return [
    `stage ${event.stage}/${view.stages}`,
    `reward ${event.reward.toFixed(3)}`,
    `accepted ${event.accepted}/${stageUpdates.length}${refused.length > 0 ? ` (${refused.join(', ')})` : ''}`,
    `kl ${kls.join(' ')}`,
    `backtracks ${backtracks}`,
    `${count(tokensPerSecond(view, nowMs))} tok/s`,
    leftText(view, nowMs),
  ]
    .filter((part) => part !== '')
    .join(' · ');
}

function gateLine(event: GateRecord & { readonly stage: number }): string {
  const needed = 1 / event.alpha;
  const verdict = {
    promotion: {
      promote: 'promoted to champion',
      keep: 'not proved yet',
      rollback: 'rolled back to the champion',
    },
    step: { promote: 'update proved better', keep: 'not proved', rollback: 'update taken back' },
  }[event.gate][event.decision];
  return `test ${event.index} at stage ${event.stage}: ${verdict}; ${signed(event.meanDifference, 3)} reward over ${event.prompts} prompts (wealth ${event.wealth.toPrecision(3)} of ${needed.toPrecision(3)})`;
}

function leftText(view: Progress, nowMs: number): string {
  const left = timeLeftMs(view, nowMs);
  return left === undefined ? '' : `${duration(left)} left`;
}
