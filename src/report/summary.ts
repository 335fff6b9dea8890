/**
 * Renders the results of a finished run as text and tables: the summary on the terminal at the end of the
 * run, and `report.md`. Pure functions from the state of a run to text.
 * @module
 */

import { join } from 'node:path';
import type { RunView } from '../run-view/run-view.ts';
import {
  certificateCounts,
  cutOffShares,
  finishedStages,
  gatesOf,
  logpMismatchMax,
  sampledTokens,
  stageRewards,
  testCounts,
  updatesOf,
  updateTotals,
} from '../run-view/selectors.ts';
import type { EvaluationRecord } from '../train/events.ts';
import { TRAINED_TEAM } from '../train/events.ts';
import { checkpointName } from '../train/store-port.ts';
import { accuracy, count, percent, plural, points, small } from './format.ts';
import { type Alignment, markdownTable, sparkline, textTable } from './text-table.ts';

export interface ReportFacts {
  readonly title: string;
  /** Labels and values of the run's settings (`seed`, `task`, ...), in order of display. */
  readonly facts: readonly (readonly [label: string, value: string])[];
  /** Pictures in order of display, each with its path relative to the report. */
  readonly pictures?: readonly { readonly title: string; readonly reading: string; readonly path: string }[];
}

/** Renders the summary at the end of a run, for a terminal or a log file. */
export function renderSummary(view: RunView): string {
  const { evaluations, comparisons, warnings } = view;
  const blocks = [
    ...(evaluations.length === 0 ? [] : [textTable(evaluationRows(evaluations), EVALUATION_ALIGN)]),
    ...(comparisons.length === 0 ? [] : [[...comparisonLines(view), ...agentAccuracies(view)].join('\n')]),
    textTable(countRows(view)),
    ...(warnings.length === 0
      ? []
      : [
          warningLines(view)
            .map((line) => `warning: ${line}`)
            .join('\n'),
        ]),
  ];
  return `${blocks.join('\n\n')}\n`;
}

/** Renders `report.md`. */
export function renderReport(view: RunView, { title, facts, pictures = [] }: ReportFacts): string {
  const { evaluations, comparisons, warnings } = view;
  const rewards = stageRewards(view);
  const sections = [
    `# ${title}`,
    markdownTable([['', ''], ...facts.map(([label, value]) => [label, value])]),
    '## Before and after',
    evaluations.length === 0
      ? 'No evaluation was made.'
      : `Accuracy on test prompts, with 95% intervals.\n\n${markdownTable(evaluationRows(evaluations), EVALUATION_ALIGN)}`,
    ...(comparisons.length === 0
      ? []
      : [[...comparisonLines(view), ...agentAccuracies(view)].map((line) => `* ${line}`).join('\n')]),
    '## What training did',
    markdownTable([['', ''], ...countRows(view)]),
    markdownTable(agentRows(view), AGENT_ALIGN),
    ...(rewards.length === 0
      ? []
      : [`Mean reward per stage: \`${sparkline(rewards, 80)}\` ${rewardRange(rewards)}`]),
    ...(warnings.length === 0
      ? []
      : [
          '## Warnings',
          warningLines(view)
            .map((line) => `* ${line}`)
            .join('\n'),
        ]),
    ...(pictures.length === 0 ? [] : ['## Pictures']),
    ...pictures.map((picture) => `![${picture.title}](${picture.path})\n\n${picture.reading}`),
  ];
  return `${sections.join('\n\n')}\n`;
}

const EVALUATION_ALIGN: readonly Alignment[] = ['left', 'right', 'right', 'right'];
const AGENT_ALIGN: readonly Alignment[] = ['left', 'right', 'right', 'right', 'right'];

function evaluationRows(evaluations: readonly EvaluationRecord[]): string[][] {
  return [
    ['', 'team', 'best agent', 'prompts'],
    ...evaluations.map(({ label, team, agents, prompts, samples }) => [
      label,
      accuracy(team),
      bestAgent(agents),
      `${prompts} x ${samples}`,
    ]),
  ];
}

/**
 * Formats the highest accuracy that an agent reaches with its own answers; a dash if no agent has an
 * accuracy. The accuracy of an agent without messages is NaN (null in JSON).
 */
function bestAgent(agents: EvaluationRecord['agents']): string {
  const known = agents.filter(({ mean }) => Number.isFinite(mean));
  return known.length === 0 ? '-' : accuracy(known.reduce((a, b) => (b.mean > a.mean ? b : a)));
}

/** Renders the differences between evaluations, as better or worse if their intervals exclude 0. */
function comparisonLines({ comparisons }: RunView): string[] {
  return comparisons.map(({ label, difference }) => {
    const { low, high, prompts } = difference;
    const verdict = low > 0 ? 'better' : high < 0 ? 'worse' : 'no proven difference';
    return `${label}: ${points(difference)} points, ${verdict} (paired 95% interval, ${prompts} prompts)`;
  });
}

/** Lists the accuracies of the trained agents' own answers, which can differ from each other and from the team's. */
function agentAccuracies({ evaluations, agents }: RunView): string[] {
  const trained = evaluations.findLast(({ label }) => label === TRAINED_TEAM);
  if (trained === undefined || trained.agents.length < 2) return [];
  const known = trained.agents.flatMap(({ mean }, id) =>
    Number.isFinite(mean) ? [`${agents[id] ?? `agent_${id}`} ${percent(mean)}`] : [],
  );
  return known.length === 0 ? [] : [`own answers of its agents: ${known.join(', ')}`];
}

function countRows(view: RunView): string[][] {
  const { updates, byStatus, probes, attempts, backtracks, largestKlShare } = updateTotals(updatesOf(view));
  const tests = testCounts(view);
  const cutOff = cutOffShares(updatesOf(view));
  const gate = gatesOf(view).at(-1)?.gate;
  const certificates = certificateCounts(view);
  const outcome =
    gate === 'step'
      ? `${tests.promote} passed, ${tests.rollback} taken back`
      : `${plural(tests.promote, 'promotion')}, ${tests.keep} undecided, ${plural(tests.rollback, 'roll-back')}; champion: ${view.championStage === undefined ? 'the base team' : `stage ${view.championStage}`}`;
  return [
    [
      'updates',
      `${updates} in ${plural(finishedStages(view).length, 'stage')}: ${byStatus.ACCEPT} accepted, ${byStatus.REJECT_KL} rejected by KL, ${byStatus.REJECT_TEST} by the test, ${byStatus.REJECT_NAN} not finite, ${byStatus.SKIP} skipped`,
    ],
    [
      'attempts',
      `${attempts}, of which ${plural(backtracks, 'backtrack')}${probes === 0 ? '' : `; ${plural(probes, 'probe')} set the first step sizes`}`,
    ],
    [
      'radius',
      largestKlShare === undefined
        ? 'no update was accepted'
        : `no accepted update used more than ${percent(largestKlShare)} of its radius`,
    ],
    ['tests', gate === undefined ? 'none' : `${tests.promote + tests.keep + tests.rollback}: ${outcome}`],
    ...(certificates.stages === 0
      ? []
      : [
          [
            'certificates',
            `${certificates.positive} of ${certificates.stages} stages with a lower bound above 0`,
          ],
        ]),
    ...(cutOff === undefined
      ? []
      : [
          [
            'cut off',
            `${percent(cutOff.all)} of messages${cutOff.rewarded === undefined ? '' : `, ${percent(cutOff.rewarded)} of those in episodes with a right answer`}`,
          ],
        ]),
    ['sampler', `agreed with the trainer within ${small(logpMismatchMax(view))} nats per token`],
    ['tokens', `${count(sampledTokens(view))} sampled for training`],
    ...(view.overflows === 0
      ? []
      : [['no room', `${plural(view.overflows, 'training episode')} wrong because a context was full`]]),
  ];
}

function agentRows(view: RunView): string[][] {
  return [
    ['agent', 'accepted', 'backtracks', 'largest KL, of radius', 'beta'],
    ...view.agents.map((name, id) => {
      const own = updatesOf(view, id);
      const { updates, byStatus, backtracks, largestKlShare } = updateTotals(own);
      const beta = own.at(-1)?.betaNext;
      return [
        name,
        `${byStatus.ACCEPT}/${updates}`,
        String(backtracks),
        largestKlShare === undefined ? '-' : percent(largestKlShare),
        beta === undefined ? '-' : small(beta),
      ];
    }),
  ];
}

function rewardRange(rewards: readonly number[]): string {
  return `(${rewards[0]?.toFixed(3)} to ${rewards.at(-1)?.toFixed(3)})`;
}

function warningLines({ warnings }: RunView): string[] {
  const counts = new Map<string, number>();
  for (const { message } of warnings) counts.set(message, (counts.get(message) ?? 0) + 1);
  return [...counts].map(([warning, times]) => (times > 1 ? `${warning} (${times} times)` : warning));
}

/**
 * Describes a champion that is not the last team of a run with promotion tests; undefined if it is the last team, or
 * there were no tests.
 *
 * @param run - path of the run folder
 */
export function championNote(view: RunView, run: string): string | undefined {
  const last = Math.max(0, ...finishedStages(view).map(({ stage }) => stage));
  const champion = view.championStage ?? 0;
  if (!gatesOf(view).some(({ gate }) => gate === 'promotion') || champion === last) return undefined;
  const team = champion === 0 ? 'the untrained team' : `the team of stage ${champion}`;
  return `this is ${team}, because no test proved that a later one is better; the last team is ${join(run, 'checkpoints', checkpointName(last))}`;
}
