/**
 * Writes the model card of an exported team: its base models, its training, and its measured accuracy with
 * 95% intervals. The card contains only data that the run recorded.
 * @module
 */
import type { AccuracyRecord, DifferenceRecord, EvaluationRecord } from '../train/events.ts';

export interface CardAgent {
  readonly name: string;
  /** Name of the base model, as in the team file. */
  readonly base: string;
  /** Licence that the base model's card states; absent if that card states none. */
  readonly license?: string;
}

export interface CardFacts {
  readonly title: string;
  /** Name of the exported checkpoint. */
  readonly checkpoint: string;
  readonly agents: readonly CardAgent[];
  /** Names and values in the table of the training settings. */
  readonly facts: readonly (readonly [string, string])[];
  readonly evaluations: readonly EvaluationRecord[];
  readonly comparisons: readonly { readonly label: string; readonly difference: DifferenceRecord }[];
}

/** Returns the Markdown text of the card of the whole team, or of one agent if `agent` is given. */
export function modelCard(card: CardFacts, agent?: CardAgent): string {
  const shown = agent === undefined ? card.agents : [agent];
  return [
    frontMatter(shown),
    `# ${agent === undefined ? card.title : `${card.title}: ${agent.name}`}`,
    agent === undefined
      ? `A team of ${card.agents.length} language models that answers as one, trained with troupe by Sequential Agent Tuning (arXiv 2605.05216). Each folder is one agent; \`team.yaml\` joins them.`
      : 'One agent of a team of language models that answers as one, trained with troupe by Sequential Agent Tuning (arXiv 2605.05216). It was trained for the reward of its team; the measurements below are those of the team.',
    '## Made from',
    table(
      ['agent', 'base model', 'licence of the base'],
      shown.map(({ name, base, license }) => [name, base, license ?? 'not stated']),
    ),
    '## How it was trained',
    table(['', ''], card.facts),
    '## What was measured',
    ...measured(card),
  ]
    .join('\n\n')
    .concat('\n');
}

function measured({ evaluations, comparisons, checkpoint }: CardFacts): string[] {
  if (evaluations.length === 0)
    return [`Nothing: the run of ${checkpoint} was exported before its closing comparison.`];
  const rows = evaluations.map(({ label, team, prompts, samples }) => [
    label,
    accuracy(team),
    `${prompts} x ${samples}`,
  ]);
  return [
    'Accuracy of the answer on test prompts, which neither training nor an acceptance test used, with 95% intervals over prompts.',
    table(['', 'accuracy', 'prompts x samples'], rows),
    ...(comparisons.length === 0
      ? []
      : [
          'Differences on the same prompts, with paired 95% intervals.',
          table(
            ['', 'points'],
            comparisons.map(({ label, difference }) => [label, points(difference)]),
          ),
        ]),
  ];
}

function frontMatter(agents: readonly CardAgent[]): string {
  const licenses = [...new Set(agents.map(({ license }) => license))];
  const hub = [
    ...new Set(agents.map(({ base }) => /^hf:([^@]+)/.exec(base)?.[1]).filter((name) => name !== undefined)),
  ];
  const [license] = licenses;
  return [
    '---',
    'library_name: transformers',
    'pipeline_tag: text-generation',
    ...(licenses.length === 1 && license !== undefined ? [`license: ${license}`] : []),
    ...(hub.length === 0 ? [] : ['base_model:', ...hub.map((name) => `- ${name}`)]),
    'tags:',
    '- troupe',
    '- sequential-agent-tuning',
    '---',
  ].join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function accuracy({ mean, low, high }: AccuracyRecord): string {
  const percent = (value: number): string => (100 * value).toFixed(1);
  return `${percent(mean)}% [${percent(low)}, ${percent(high)}]`;
}

function points({ mean, low, high }: DifferenceRecord): string {
  const signed = (value: number): string => `${value >= 0 ? '+' : ''}${(100 * value).toFixed(1)}`;
  return `${signed(mean)} [${signed(low)}, ${signed(high)}]`;
}

/** @returns the licence in the front matter of a model card; undefined if the front matter has none */
export function licenseOf(card: string): string | undefined {
  const front = /^---\r?\n([\s\S]*?)\r?\n---/.exec(card)?.[1] ?? '';
  return /^license:\s*["']?([\w.+-]+)["']?\s*$/m.exec(front)?.[1];
}
