/**
 * The end of a run in words and tables: on the screen, and as `report.md`. Pure.
 * @module
 */

import type { AgentTally, Tally } from '../run-view/tally.ts';
import type { EvaluationRecord } from '../train/events.ts';
import { accuracy, count, percent, plural, points, small } from './format.ts';
import { type Alignment, markdownTable, sparkline, textTable } from './text-table.ts';

export interface ReportFacts {
  readonly title: string;
  /** What was run with what: `seed`, `task`, ... in the order they are shown. */
  readonly facts: readonly (readonly [label: string, value: string])[];
  /** Pictures in the order they are shown, each with its address from the report. */
  readonly pictures?: readonly { readonly title: string; readonly reading: string; readonly path: string }[];
}

/** Closing summary for a terminal or a log. */
export function renderSummary(tally: Tally): string {
  const blocks = [
    ...(tally.evaluations.length === 0
      ? []
      : [textTable(evaluationRows(tally.evaluations), EVALUATION_ALIGN)]),
    ...(tally.comparisons.length === 0 ? [] : [comparisonLines(tally).join('\n')]),
    textTable(countRows(tally)),
    ...(tally.warnings.length === 0
      ? []
      : [
          warningLines(tally)
            .map((line) => `warning: ${line}`)
            .join('\n'),
        ]),
  ];
  return `${blocks.join('\n\n')}\n`;
}

/** `report.md`. */
export function renderReport(tally: Tally, { title, facts, pictures = [] }: ReportFacts): string {
  const sections = [
    `# ${title}`,
    markdownTable([['', ''], ...facts.map(([label, value]) => [label, value])]),
    '## Before and after',
    tally.evaluations.length === 0
      ? 'No evaluation was made.'
      : `Accuracy on test prompts, with 95% intervals.\n\n${markdownTable(evaluationRows(tally.evaluations), EVALUATION_ALIGN)}`,
    ...(tally.comparisons.length === 0
      ? []
      : [
          comparisonLines(tally)
            .map((line) => `* ${line}`)
            .join('\n'),
        ]),
    '## What training did',
    markdownTable([['', ''], ...countRows(tally)]),
    markdownTable(agentRows(tally.agents), AGENT_ALIGN),
    ...(tally.rewards.length === 0
      ? []
      : [`Mean reward per stage: \`${sparkline(tally.rewards, 80)}\` ${rewardRange(tally.rewards)}`]),
    ...(tally.warnings.length === 0
      ? []
      : [
          '## Warnings',
          warningLines(tally)
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
    ['', 'team', 'best member', 'prompts'],
    ...evaluations.map(({ label, team, agents: members, prompts, samples }) => [
      label,
      accuracy(team),
      bestAgent(members),
      `${prompts} x ${samples}`,
    ]),
  ];
}

/** A member that never spoke has no accuracy (NaN, null when read back); none at all is a dash. */
function bestAgent(members: EvaluationRecord['agents']): string {
  const known = members.filter(({ mean }) => Number.isFinite(mean));
  return known.length === 0 ? '-' : accuracy(known.reduce((a, b) => (b.mean > a.mean ? b : a)));
}

/** An interval that does not contain 0 is what may be called a difference. */
function comparisonLines({ comparisons }: Tally): string[] {
  return comparisons.map(({ label, difference }) => {
    const { low, high, prompts } = difference;
    const verdict = low > 0 ? 'better' : high < 0 ? 'worse' : 'no proven difference';
    return `${label}: ${points(difference)} points, ${verdict} (paired 95% interval, ${prompts} prompts)`;
  });
}

function countRows(tally: Tally): string[][] {
  const { byStatus, tests, gate } = tally;
  const outcome =
    gate === 'step'
      ? `${tests.promote} passed, ${tests.rollback} taken back`
      : `${plural(tests.promote, 'promotion')}, ${tests.keep} undecided, ${plural(tests.rollback, 'roll-back')}; champion: ${tally.championStage === undefined ? 'the base team' : `stage ${tally.championStage}`}`;
  return [
    [
      'updates',
      `${tally.updates} in ${plural(tally.stages, 'stage')}: ${byStatus.ACCEPT} accepted, ${byStatus.REJECT_KL} rejected by KL, ${byStatus.REJECT_TEST} by the test, ${byStatus.REJECT_NAN} not finite, ${byStatus.SKIP} skipped`,
    ],
    ['attempts', `${tally.attempts}, of which ${plural(tally.backtracks, 'backtrack')}`],
    [
      'radius',
      tally.largestShare === undefined
        ? 'no update was accepted'
        : `no accepted update used more than ${percent(tally.largestShare)} of its radius`,
    ],
    ['tests', gate === undefined ? 'none' : `${tests.promote + tests.keep + tests.rollback}: ${outcome}`],
    ...(tally.certificates.stages === 0
      ? []
      : [
          [
            'certificates',
            `${tally.certificates.positive} of ${tally.certificates.stages} stages with a lower bound above 0`,
          ],
        ]),
    ['sampler', `agreed with the trainer within ${small(tally.logpMismatchMax)} nats per token`],
    ['tokens', `${count(tally.tokens)} sampled for training`],
  ];
}

function agentRows(agents: readonly AgentTally[]): string[][] {
  return [
    ['agent', 'accepted', 'backtracks', 'largest KL, of radius', 'beta'],
    ...agents.map(({ name, updates, accepted, backtracks, largestShare, beta }) => [
      name,
      `${accepted}/${updates}`,
      String(backtracks),
      largestShare === undefined ? '-' : percent(largestShare),
      beta === undefined ? '-' : small(beta),
    ]),
  ];
}

function rewardRange(rewards: readonly number[]): string {
  return `(${rewards[0]?.toFixed(3)} to ${rewards.at(-1)?.toFixed(3)})`;
}

function warningLines({ warnings }: Tally): string[] {
  const counts = new Map<string, number>();
  for (const warning of warnings) counts.set(warning, (counts.get(warning) ?? 0) + 1);
  return [...counts].map(([warning, times]) => (times > 1 ? `${warning} (${times} times)` : warning));
}
