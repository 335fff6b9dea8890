/**
 * Renders the output of `troupe watch --tty`: the contents of the dashboard's overview as text. Pure
 * functions.
 * @module
 */
import { styleText } from 'node:util';
import { stageMs, timedStages } from '../run-view/pace.ts';
import type { RunFacts } from '../run-view/rows.ts';
import type { RunView } from '../run-view/run-view.ts';
import {
  agentName,
  finishedStages,
  gatesOf,
  stageEvaluations,
  stageRewards,
  updatesOf,
  updateTotals,
} from '../run-view/selectors.ts';
import type { UpdateRecord } from '../train/events.ts';
import { totalPhases } from './chart/machine.ts';
import { explain, type Outcome, outcomeOf, wealthText } from './explain.ts';
import { count, duration, percent, plural, printable, signed, small } from './format.ts';
import { paintVerdicts } from './live-view.ts';
import { bar, sparkline, textTable } from './text-table.ts';

export interface TerminalViewOptions {
  /** Unix time, ms. */
  readonly nowMs: number;
  readonly columns: number;
  readonly color: boolean;
}

/** Number of decisions that are shown; the newest ones. */
const SHOWN_DECISIONS = 5;

/** @returns lines without a line feed at the end */
export function renderRun(
  view: RunView,
  { label, facts }: { readonly label: string; readonly facts: RunFacts },
  options: TerminalViewOptions,
): string {
  const blocks = blocksOf(
    printableView(view),
    { label: printable(label), facts: printableFacts(facts) },
    options,
  );
  return blocks.filter((block) => block !== '').join('\n\n');
}

/** Escapes control characters, so that text from an untrusted run folder cannot control the terminal. */
function printableView(view: RunView): RunView {
  return {
    ...view,
    agents: view.agents.map(printable),
    warnings: view.warnings.map(({ stage, message }) => ({ stage, message: printable(message) })),
    ...(view.problem === undefined ? {} : { problem: printable(view.problem) }),
  };
}

function printableFacts(facts: RunFacts): RunFacts {
  const { task, protocol, algorithm } = facts;
  return {
    ...facts,
    ...{ task: printable(task), protocol: printable(protocol), algorithm: printable(algorithm) },
  };
}

function blocksOf(
  view: RunView,
  { label, facts }: { readonly label: string; readonly facts: RunFacts },
  options: TerminalViewOptions,
): string[] {
  return [
    head(view, label, facts, options),
    rewardLines(view, options),
    agentTable(view, options),
    testLine(view),
    decisionLines(view, facts, options),
    costLine(view),
    ...view.warnings.slice(-2).map(({ message }) => wrap(`warning: ${message}`, options.columns)),
  ];
}

function head(view: RunView, label: string, facts: RunFacts, { nowMs, color }: TerminalViewOptions): string {
  const done = finishedStages(view).length;
  const { now } = view;
  const phase =
    view.status === 'running' && now?.phase !== undefined
      ? ` · ${now.phase}${now.agent === undefined ? '' : ` ${agentName(view, now.agent)}`} for ${duration(nowMs - now.sinceMs)}`
      : '';
  const title = color ? styleText('bold', label, { validateStream: false }) : label;
  const first = `${title}  ${facts.task}, ${facts.protocol}, ${facts.algorithm}, seed ${facts.seed}`;
  const state = view.problem ?? `${view.status} · stage ${done}/${view.plannedStages}${phase}`;
  return `${first}\n${state}`;
}

function rewardLines(view: RunView, { columns }: TerminalViewOptions): string {
  const rewards = stageRewards(view);
  const evaluations = stageEvaluations(view);
  const width = Math.max(10, columns - 44);
  const newest = rewards.at(-1);
  const last = evaluations.at(-1);
  const lines = [
    newest === undefined
      ? 'reward    (the first stage is running)'
      : `reward    ${newest.toFixed(3).padEnd(24)}${sparkline(rewards, width)}`,
    ...(last === undefined
      ? []
      : [
          `test      ${`${last.mean.toFixed(3)} [${last.low.toFixed(3)}, ${last.high.toFixed(3)}]`.padEnd(24)}${sparkline(
            evaluations.map(({ mean }) => mean),
            width,
          )}`,
        ]),
    ...(evaluations.length < 2
      ? []
      : [
          `          ${signed(last!.mean - evaluations[0]!.mean, 3)} since the base team, ${plural(last!.prompts, 'prompt')}`,
        ]),
  ];
  return lines.join('\n');
}

function agentTable(view: RunView, { color }: TerminalViewOptions): string {
  const rows = view.agents.map((name, id) => {
    const updates = updatesOf(view, id);
    const last = updates.at(-1);
    return last === undefined ? [name] : [name, ...agentCells(last, updates)];
  });
  const align = ['left', 'right', 'right', 'left', 'right', 'right', 'right', 'left'] as const;
  const table = textTable(
    [['agent', 'reward', 'KL', 'of radius', 'beta', 'kept', 'backtracks', 'last verdict'], ...rows],
    align,
  );
  return color ? paintVerdicts(table) : table;
}

function agentCells(last: UpdateRecord, updates: readonly UpdateRecord[]): string[] {
  const attempt = last.attempts.at(-1);
  const share = (attempt?.klQuantile ?? 0) / last.targetKl;
  const { byStatus, backtracks } = updateTotals(updates);
  return [
    last.reward.toFixed(3),
    attempt === undefined ? '-' : small(attempt.klQuantile),
    `${bar(share, 10)} ${(100 * share).toFixed(0).padStart(3)}%`,
    small(last.betaNext),
    `${byStatus.ACCEPT}/${updates.length}`,
    String(backtracks),
    last.status,
  ];
}

function testLine(view: RunView): string {
  const last = gatesOf(view).at(-1);
  if (last === undefined) return '';
  const champion = view.championStage === undefined ? 'the base team' : `stage ${view.championStage}`;
  return `test ${last.index} after stage ${last.stage}: ${last.decision}, wealth ${wealthText(last.wealth)} of ${wealthText(1 / last.alpha)} · champion: ${champion}`;
}

const SIGN: Readonly<Record<Outcome, string>> = {
  accepted: '+',
  backtracked: '+',
  kl_rejected: 'x',
  test_rejected: 'x',
  not_finite: '!',
  skipped: '-',
  promoted: '*',
  undecided: '?',
  rolled_back: '<',
};

function decisionLines(view: RunView, facts: RunFacts, { columns }: TerminalViewOptions): string {
  const context = { agents: view.agents, facts };
  return view.decisions
    .slice(-SHOWN_DECISIONS)
    .map((decision) => {
      const { stage } = decision.kind === 'update' ? decision.update : decision.gate;
      const where = `${SIGN[outcomeOf(decision)]} ${String(stage).padStart(4)}  `;
      return wrap(`${where}${explain(decision, context)}`, columns, where.length);
    })
    .join('\n');
}

function costLine(view: RunView): string {
  const timed = timedStages(view);
  const ms = timed.reduce((sum, { clock }) => sum + stageMs(clock), 0);
  if (ms === 0) return '';
  const tokens = timed.reduce((sum, stage) => sum + stage.tokens, 0);
  const memory = timed.at(-1)?.clock.rssBytes;
  const phases = totalPhases(view);
  const total = phases.reduce((sum, phase) => sum + phase.ms, 0);
  return [
    `${count((1000 * tokens) / ms)} tok/s`,
    ...(memory === undefined ? [] : [`${(memory / 2 ** 30).toFixed(2)} GiB`]),
    ...phases.slice(0, 4).map((phase) => `${phase.phase} ${percent(phase.ms / total)}`),
  ].join(' · ');
}

/** Wraps text between words. Indents all lines except the first. */
function wrap(text: string, columns: number, indent = 0): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > Math.max(columns, indent + 20)) {
      lines.push(line);
      line = `${' '.repeat(indent)}${word}`;
    } else line = line === '' && lines.length === 0 && text.startsWith(word) ? word : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}
