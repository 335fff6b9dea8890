/**
 * Renders the live view of `troupe train` on a terminal: a headline, a table with one line per agent, the
 * reward so far, and the counts of updates and tests. Pure functions from the state of a run to text.
 * @module
 */
import { styleText } from 'node:util';
import { type ProcessTime, phaseLeftMs, timeLeftMs, tokensPerSecond } from '../run-view/pace.ts';
import type { NowRow } from '../run-view/rows.ts';
import type { RunView } from '../run-view/run-view.ts';
import {
  agentName,
  backtracksOf,
  gatesOf,
  newestReward,
  sampledTokens,
  stageRewards,
  updatesOf,
} from '../run-view/selectors.ts';
import type { UpdateRecord } from '../train/events.ts';
import { count, duration, percent, signed, small } from './format.ts';
import { bar, sparkline, textTable } from './text-table.ts';

export interface LiveViewOptions extends ProcessTime {
  /** Width of the terminal, characters. */
  readonly columns: number;
  readonly color: boolean;
}

/** @returns the lines to draw, without a line feed at the end */
export function renderLive(view: RunView, options: LiveViewOptions): string {
  const lines = [
    headline(view, options),
    '',
    agentTable(view, options.color),
    '',
    rewardLine(view, options.columns),
    verdictLine(view),
  ];
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** Returns e.g. `stage 7/20 · rollout ada 320/512 · 11k tok/s · 4m10s elapsed · 6m00s of training left`. */
function headline(view: RunView, time: ProcessTime): string {
  const left = leftText(view, time);
  const phase = phaseText(view);
  return [
    `stage ${view.stage}/${view.plannedStages}`,
    ...(phase === undefined ? [] : [phase]),
    ...(sampledTokens(view) > 0 ? [`${count(tokensPerSecond(view, time))} tok/s`] : []),
    `${duration(time.nowMs - time.startedMs)} elapsed`,
    ...(left === undefined ? [] : [left]),
  ].join(' · ');
}

/**
 * Describes the time left: of a promotion test or an evaluation while one runs, else of all stages and their tests. The
 * closing comparison is not part of the latter.
 */
export function leftText(view: RunView, { nowMs }: ProcessTime): string | undefined {
  const isTest = view.now?.phase === 'gate';
  if (isTest || view.now?.phase === 'evaluate') {
    const left = phaseLeftMs(view, nowMs);
    return left === undefined ? undefined : `${isTest ? 'at most ' : ''}${duration(left)} left`;
  }
  const left = timeLeftMs(view, nowMs);
  return left === undefined ? undefined : `${duration(left)} of training left`;
}

/** Describes the current phase and its progress, e.g. `rollout ada 320/512`; undefined between two phases. */
export function phaseText(view: RunView): string | undefined {
  const { phase, agent, done, total }: Partial<NowRow> = view.now ?? {};
  if (phase === undefined) return undefined;
  const name = agent === undefined ? '' : ` ${agentName(view, agent)}`;
  const progress = done === undefined ? '' : total === undefined ? ` ${count(done)}` : ` ${done}/${total}`;
  return `${phase}${name}${progress}`;
}

function agentTable(view: RunView, color: boolean): string {
  const head = ['agent', 'KL', 'of radius', '', 'beta', 'lr x', 'backtracks', 'verdict'];
  const updates = updatesOf(view);
  const rows = view.agents.map((name, id) => {
    const update = updates.findLast(({ agent }) => agent === id);
    return update === undefined ? [name] : [name, ...updateCells(update)];
  });
  const table = textTable([head, ...rows], ['left', 'right', 'right', 'left', 'right', 'right', 'right']);
  return color ? paintVerdicts(table) : table;
}

function updateCells(update: UpdateRecord): string[] {
  const last = update.attempts.at(-1);
  const share = (last?.klQuantile ?? 0) / update.targetKl;
  return [
    last === undefined ? '-' : small(last.klQuantile),
    last === undefined ? '-' : `${(100 * share).toFixed(0)}%`,
    bar(share, 10),
    small(update.betaNext),
    update.lrScaleNext.toFixed(2),
    String(backtracksOf(update)),
    update.status,
  ];
}

/** Colours the words ACCEPT and REJECT_... in a table, and dims its head. */
export function paintVerdicts(table: string): string {
  return table
    .replaceAll(/\bACCEPT\b/g, (word) => styleText('green', word, { validateStream: false }))
    .replaceAll(/\bREJECT_\w+/g, (word) => styleText('yellow', word, { validateStream: false }))
    .replace(/^.*$/m, (head) => styleText('dim', head, { validateStream: false }));
}

function rewardLine(view: RunView, columns: number): string {
  const newest = newestReward(view);
  if (newest === undefined) return 'reward  (waiting for the first episodes)';
  const rewards = stageRewards(view);
  const first = rewards[0];
  const since =
    first === undefined || rewards.length < 2 ? '' : `  (${signed(newest - first, 3)} since stage 1)`;
  return `reward  ${newest.toFixed(3)}  ${sparkline(rewards, Math.max(10, columns - 40))}${since}`;
}

function verdictLine(view: RunView): string {
  const updates = updatesOf(view);
  const accepted = updates.filter(({ status }) => status === 'ACCEPT').length;
  const share = updates.length === 0 ? '' : ` (${percent(accepted / updates.length)})`;
  const gate = gatesOf(view).at(-1);
  const test =
    gate === undefined ? 'no test yet' : `test ${gate.index} at stage ${gate.stage}: ${gate.decision}`;
  const champion =
    view.championStage === undefined ? 'champion: base team' : `champion: stage ${view.championStage}`;
  return `accepted ${accepted}/${updates.length}${share} · ${test} · ${champion}`;
}
