/**
 * The screen of a run while it works: one headline, one line per agent, reward so far. Pure: text out.
 * @module
 */
import { styleText } from 'node:util';
import { type PhaseProgress, type Progress, timeLeftMs, tokensPerSecond } from '../run-view/progress.ts';
import type { UpdateRecord } from '../train/events.ts';
import { count, duration, percent, signed, small } from './format.ts';
import { bar, sparkline, textTable } from './text-table.ts';

export interface LiveViewOptions {
  readonly nowMs: number;
  /** Width of the terminal, characters. */
  readonly columns: number;
  readonly color: boolean;
}

/** @returns the lines to draw, without a line feed at the end */
export function renderLive(view: Progress, { nowMs, columns, color }: LiveViewOptions): string {
  const lines = [
    headline(view, nowMs),
    '',
    agentTable(view, color),
    '',
    rewardLine(view, columns),
    verdictLine(view),
  ];
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** `stage 7/20 · rollout ada 320/512 · 11k tok/s · 4m10s elapsed · 6m00s left`. */
export function headline(view: Progress, nowMs: number): string {
  const left = timeLeftMs(view, nowMs);
  return [
    `stage ${view.stage}/${view.stages}`,
    ...(view.phase === undefined ? [] : [phaseText(view.phase, view.agents)]),
    ...(view.tokens > 0 ? [`${count(tokensPerSecond(view, nowMs))} tok/s`] : []),
    `${duration(nowMs - view.startedMs)} elapsed`,
    ...(left === undefined ? [] : [`${duration(left)} left`]),
  ].join(' · ');
}

/** `rollout ada 320/512`. */
export function phaseText({ phase, agent, done, total }: PhaseProgress, agents: readonly string[]): string {
  const who = agent === undefined ? '' : ` ${agents[agent] ?? `agent ${agent}`}`;
  const far = done === undefined ? '' : total === undefined ? ` ${count(done)}` : ` ${done}/${total}`;
  return `${phase}${who}${far}`;
}

function agentTable(view: Progress, color: boolean): string {
  const head = ['agent', 'KL', 'of radius', '', 'beta', 'lr x', 'backtracks', 'verdict'];
  const rows = view.agents.map((name, id) => {
    const update = view.updates.get(id);
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
    String(Math.max(0, update.attempts.length - 1)),
    update.status,
  ];
}

function paintVerdicts(table: string): string {
  return table
    .replaceAll(/\bACCEPT\b/g, (word) => styleText('green', word, { validateStream: false }))
    .replaceAll(/\bREJECT_\w+/g, (word) => styleText('yellow', word, { validateStream: false }))
    .replace(/^.*$/m, (head) => styleText('dim', head, { validateStream: false }));
}

function rewardLine(view: Progress, columns: number): string {
  const { rewards, latestReward } = view;
  const newest = rewards.at(-1) ?? latestReward;
  if (newest === undefined) return 'reward  (first episodes are on their way)';
  const first = rewards[0];
  const since =
    first === undefined || rewards.length < 2 ? '' : `  (${signed(newest - first, 3)} since stage 1)`;
  return `reward  ${newest.toFixed(3)}  ${sparkline(rewards, Math.max(10, columns - 40))}${since}`;
}

function verdictLine({ accepted, attempted, gate, championStage }: Progress): string {
  const share = attempted === 0 ? '' : ` (${percent(accepted / attempted)})`;
  const test =
    gate === undefined ? 'no test yet' : `test ${gate.index} at stage ${gate.stage}: ${gate.decision}`;
  const champion = championStage === undefined ? 'champion: base team' : `champion: stage ${championStage}`;
  return `accepted ${accepted}/${attempted}${share} · ${test} · ${champion}`;
}
