/**
 * Renders a run as lines of text: one line per stage, test and warning. A pipe or a log file receives all
 * lines. A terminal shows the lines of tests and warnings above the live view. Pure functions.
 * @module
 */
import { type ProcessTime, tokensPerSecond } from '../run-view/pace.ts';
import type { RunView } from '../run-view/run-view.ts';
import { backtracksOf, newestReward, sampledTokens } from '../run-view/selectors.ts';
import type { GateRecord, RunEvent } from '../train/events.ts';
import { count, duration, plural, signed, small } from './format.ts';
import { leftText, phaseText } from './live-view.ts';

/**
 * Renders the line of an event.
 *
 * @param view - state of the run after the event
 * @returns undefined for an event of a kind that has no line
 */
export function plainLine(event: RunEvent, view: RunView, time: ProcessTime): string | undefined {
  switch (event.kind) {
    case 'run_started': {
      const from = event.fromStage > 0 ? `, going on after stage ${event.fromStage}` : '';
      return `team of ${event.agents.length} (${event.agents.join(', ')}), ${plural(event.stages, 'stage')}${from}`;
    }
    case 'stage_finished':
      return stageLine(event, view, time);
    case 'gate':
      return gateLine(event);
    case 'warning':
      return `warning: ${event.message}`;
    case 'run_finished':
      return `finished after stage ${event.stage} in ${duration(time.nowMs - time.startedMs)}`;
    // Evaluations and comparisons have no line, because the summary at the end of the run shows them.
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

/** Renders the progress within a long stage, e.g. `stage 3/20 · rollout ada 320/512 · reward 0.441`. */
export function heartbeatLine(view: RunView, time: ProcessTime): string {
  const reward = newestReward(view);
  return [
    view.plannedStages > 0 ? `stage ${view.stage}/${view.plannedStages}` : '',
    phaseText(view) ?? '',
    sampledTokens(view) > 0 ? `${count(tokensPerSecond(view, time))} tok/s` : '',
    reward === undefined ? '' : `reward ${reward.toFixed(3)}`,
    leftText(view, time) ?? '',
  ]
    .filter((part) => part !== '')
    .join(' · ');
}

function stageLine(
  event: Extract<RunEvent, { kind: 'stage_finished' }>,
  view: RunView,
  time: ProcessTime,
): string {
  const updates = view.stages.get(event.stage)?.updates ?? [];
  const kls = updates.map(({ attempts }) => {
    const last = attempts.at(-1);
    return last === undefined ? '-' : small(last.klQuantile);
  });
  const backtracks = updates.reduce((sum, update) => sum + backtracksOf(update), 0);
  const refused = updates.filter(({ status }) => status !== 'ACCEPT').map(({ status }) => status);
  return [
    `stage ${event.stage}/${view.plannedStages}`,
    `reward ${event.reward.toFixed(3)}`,
    `accepted ${event.accepted}/${updates.length}${refused.length > 0 ? ` (${refused.join(', ')})` : ''}`,
    `kl ${kls.join(' ')}`,
    `backtracks ${backtracks}`,
    `${count(tokensPerSecond(view, time))} tok/s`,
    leftText(view, time) ?? '',
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
