/**
 * Renders a comparison of runs as text for a terminal, and as Markdown with charts. Pure functions.
 * @module
 */
import type { RunFigures, StageFalls } from '../evaluate/compare-runs.ts';
import type { Comparison, Finals } from '../evaluate/comparison.ts';
import type { AccuracyRecord, DifferenceRecord } from '../train/events.ts';
import { count, percent, points, signed } from './format.ts';
import type { LineChart } from './svg-chart.ts';
import { type Alignment, markdownTable, sparkline, textTable } from './text-table.ts';

const SPARK_WIDTH = 20;
const RUN_ALIGN: readonly Alignment[] = ['left', 'left', 'right', 'left', 'left', 'right', 'right', 'right'];
const FINAL_ALIGN: readonly Alignment[] = ['left', 'right', 'right', 'left'];
const GROUP_ALIGN: readonly Alignment[] = ['left', 'right', 'right', 'right', 'right', 'right'];

/** Renders the text for a terminal. */
export function renderComparison(comparison: Comparison): string {
  const { finals, groups } = comparison;
  return [
    textTable(runRows(comparison), RUN_ALIGN),
    `${finals.title}\n${textTable(finalRows(comparison), FINAL_ALIGN)}`,
    ...(groups === undefined ? [] : [textTable(groupRows(groups), GROUP_ALIGN)]),
    NOTES.map((note) => `${note}\n`).join(''),
  ].join('\n\n');
}

/** Renders the comparison as Markdown, with links to the charts of {@link comparisonCharts}. */
export function renderComparisonPage(comparison: Comparison, pictureOf: (name: string) => string): string {
  const { task, finals, groups } = comparison;
  return `${[
    `# Runs on ${task}`,
    markdownTable(runRows(comparison), RUN_ALIGN),
    ...comparisonCharts(comparison).map(({ name, chart }) => `![${chart.title}](${pictureOf(name)})`),
    `## ${finals.title[0]?.toUpperCase()}${finals.title.slice(1)}`,
    markdownTable(finalRows(comparison), FINAL_ALIGN),
    ...(groups === undefined ? [] : [`## By ${groups.key}`, markdownTable(groupRows(groups), GROUP_ALIGN)]),
    NOTES.map((note) => `* ${note}`).join('\n'),
  ].join('\n\n')}\n`;
}

const NOTES = [
  'reward: mean of the training episodes of each stage; kl: exact KL(new || old) per token of accepted updates, nats',
  'fell: stages after which the reward on the same test prompts was lower than before (in brackets: with a paired 95% interval below 0; 1 in 40 by chance)',
  '95% intervals: over prompts for a pair of runs, over runs for a group',
];

/** Charts reward, KL and test reward per stage. Omits the test reward unless every run recorded it. */
export function comparisonCharts({
  runs,
}: Pick<Comparison, 'runs'>): readonly { readonly name: string; readonly chart: LineChart }[] {
  const chart = (
    title: string,
    y: LineChart['y'],
    of: (figures: RunFigures) => readonly (readonly [number, number])[],
  ) => ({
    title,
    x: { label: 'stage' },
    y,
    series: runs.map(({ name, figures }) => ({ name, points: of(figures) })),
  });
  const stages = (values: readonly number[]) => values.map((value, k) => [k + 1, value] as const);
  const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
  const charts = [
    {
      name: 'reward',
      chart: chart('Reward of the training episodes', { label: 'reward' }, ({ rewards }) => stages(rewards)),
    },
    {
      name: 'kl',
      chart: chart('KL(new || old) per token of accepted updates', { label: 'nats', log: true }, ({ kl }) =>
        stages(kl),
      ),
    },
  ];
  if (!runs.every(({ figures }) => figures.testRewards.length > 0)) return charts;
  const testChart = chart('Reward on test prompts', { label: 'reward' }, (figures) =>
    figures.testRewards.map((rewards, stage) => [stage, mean(rewards)] as const),
  );
  return [...charts, { name: 'test-reward', chart: testChart }];
}

function runRows({ runs }: Comparison): string[][] {
  return [
    ['run', 'algorithm', 'stages', 'reward', 'kl', 'accepted', 'tokens', 'fell'],
    ...runs.map(({ name, algorithm, figures, falls }) => [
      name,
      algorithm,
      String(figures.stages),
      curve(figures.rewards, 3),
      curve(figures.kl, 4),
      `${figures.accepted}/${figures.updates}`,
      count(figures.tokens),
      falls === undefined ? '-' : fallText(falls),
    ]),
  ];
}

/** Formats values as a small chart, e.g. `▁▃▅█ 0.441 to 0.610`; `-` if no value is finite. */
function curve(values: readonly number[], digits: number): string {
  const known = values.filter(Number.isFinite);
  if (known.length === 0) return '-';
  const [first, last] = [known[0] as number, known.at(-1) as number];
  return `${sparkline(known, SPARK_WIDTH)} ${first.toFixed(digits)} to ${last.toFixed(digits)}`;
}

function fallText({ stages, fell, provedly }: StageFalls): string {
  return `${fell}/${stages} (${provedly})`;
}

function finalRows({ runs, finals }: Comparison): string[][] {
  const { unit, values, differences } = finals;
  const first = runs[0]?.name ?? '';
  return [
    ['run', unit === 'share' ? 'correct' : 'reward', `minus ${first}`, ''],
    ...runs.map(({ name }, k) => {
      const difference = differences[k];
      return [
        name,
        valueText(values[k] ?? {}, unit),
        difference === undefined ? '' : differenceText(difference, unit),
        difference === undefined ? '' : verdictText(difference),
      ];
    }),
  ];
}

function valueText({ mean, low, high }: Partial<AccuracyRecord>, unit: Finals['unit']): string {
  if (mean === undefined) return '-';
  const one = (value: number) => (unit === 'share' ? percent(value) : value.toFixed(3));
  return low === undefined || high === undefined ? one(mean) : `${one(mean)} [${one(low)}, ${one(high)}]`;
}

function differenceText(difference: DifferenceRecord, unit: Finals['unit']): string {
  if (unit === 'share') return points(difference);
  const { mean, low, high } = difference;
  return `${signed(mean, 3)} [${signed(low, 3)}, ${signed(high, 3)}]`;
}

function verdictText({ low, high }: DifferenceRecord): string {
  return low > 0 ? 'better' : high < 0 ? 'worse' : 'no proven difference';
}

function groupRows({ key, rows }: NonNullable<Comparison['groups']>): string[][] {
  const first = rows[0]?.name ?? '';
  return [
    [key, 'runs', 'final reward', 'fell', 'tokens per run', `minus ${first}, by seed`],
    ...rows.map(({ name, figures, difference }) => [
      name,
      String(figures.runs),
      valueText(figures.final, 'reward'),
      `${fallText(figures.falls)} = ${percent(figures.falls.fell / Math.max(1, figures.falls.stages))}`,
      count(figures.tokens),
      difference === undefined ? '' : `${differenceText(difference, 'reward')} ${verdictText(difference)}`,
    ]),
  ];
}
