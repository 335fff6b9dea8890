/**
 * Writes the model card of an exported team: its base models, its training, its measured accuracy with 95% intervals,
 * the effect of rounding, and its intended use. The card contains only data that the run and the export recorded.
 * @module
 */
import type { DifferenceRecord, EvaluationRecord } from '../train/events.ts';
import { type CardAgent, cardMetadata } from './card-metadata.ts';
import { accuracy, points } from './format.ts';

export type { CardAgent } from './card-metadata.ts';

export interface CardFacts {
  readonly title: string;
  /** Name of the exported checkpoint. */
  readonly checkpoint: string;
  readonly agents: readonly CardAgent[];
  /** Names and values in the table of the training settings. */
  readonly facts: readonly (readonly [string, string])[];
  readonly evaluations: readonly EvaluationRecord[];
  readonly comparisons: readonly { readonly label: string; readonly difference: DifferenceRecord }[];
  /** Lines of the section on the intended use. */
  readonly use: readonly string[];
}

/** Returns the Markdown text of the card of the whole team, or of one agent if `agent` is given. */
export function modelCard(card: CardFacts, agent?: CardAgent): string {
  const shown = agent === undefined ? card.agents : [agent];
  return [
    cardMetadata(shown),
    `# ${agent === undefined ? card.title : `${card.title}: ${agent.name}`}`,
    agent === undefined
      ? `A team of ${card.agents.length} language models that answers as one, trained with troupe by Sequential Agent Tuning (arXiv 2605.05216). Each folder is one agent.`
      : 'One agent of a team of language models that answers as one, trained with troupe by Sequential Agent Tuning (arXiv 2605.05216). It was trained for the reward of its team; the measurements below are those of the team.',
    '## Made from',
    table(
      ['agent', 'base model', 'licence of the base'],
      shown.map(({ name, base, license }) => [name, base, licenseCell(license)]),
    ),
    ...unknownLicenses(shown),
    '## Intended use',
    ...card.use,
    ...instructions(shown),
    ...examples(shown),
    ...chatTemplates(shown),
    '## How it was trained',
    table(['', ''], card.facts),
    '## What was measured',
    ...measured(card),
    ...weightsSection(shown),
  ]
    .join('\n\n')
    .concat('\n');
}

function licenseCell(license: CardAgent['license']): string {
  if (license === undefined) return 'not stated';
  return `${license.name ?? license.license} (${license.source})`;
}

function unknownLicenses(agents: readonly CardAgent[]): string[] {
  const unknown = agents.filter(({ license }) => license === undefined);
  if (unknown.length === 0) return [];
  const places = [
    ...new Set(unknown.map(({ base, hub }) => (hub === undefined ? base : `https://huggingface.co/${hub}`))),
  ];
  return [
    `The licence of the base also applies to this model. The files of the base state none (README.md, LICENSE, or \`general.license\` of a GGUF file); look where it was published: ${places.join(', ')}.`,
  ];
}

function instructions(agents: readonly CardAgent[]): string[] {
  const given = agents.filter(({ instruction }) => instruction !== undefined);
  if (given.length === 0) return [];
  return [
    'The agents were trained with these instructions, as the system message:',
    ...sharedTexts(given, ({ instruction }) => fenced(instruction as string)),
  ];
}

function examples(agents: readonly CardAgent[]): string[] {
  const given = agents.filter(({ examples: own = [] }) => own.length > 0);
  if (given.length === 0) return [];
  return [
    'The agents were trained with these examples. Clients must send them before the conversation:',
    ...sharedTexts(given, ({ examples: own = [] }) => fenced(exampleMessages(own), 'json')),
  ];
}

function chatTemplates(agents: readonly CardAgent[]): string[] {
  const given = agents.filter(({ chatTemplate }) => chatTemplate !== undefined);
  if (given.length === 0) return [];
  return [
    "The agents were trained with these chat templates instead of those of their base models. The tokenizer's files contain them:",
    table(
      ['agent', 'chat_template'],
      given.map(({ name, chatTemplate }) => [name, chatTemplate as string]),
    ),
  ];
}

/** Returns each different text once, after the names of its agents. */
function sharedTexts(agents: readonly CardAgent[], textOf: (agent: CardAgent) => string): string[] {
  const names = new Map<string, string[]>();
  for (const agent of agents) {
    const text = textOf(agent);
    names.set(text, [...(names.get(text) ?? []), agent.name]);
  }
  return [...names].flatMap(([text, own]) => [`${own.join(', ')}:`, text]);
}

/** Returns examples as the messages of the chat API, one message per line. */
function exampleMessages(examples: NonNullable<CardAgent['examples']>): string {
  const messages = examples.flatMap(({ prompt, answer }) => [
    { role: 'user', content: prompt },
    { role: 'assistant', content: answer },
  ]);
  return `[\n${messages.map((message) => `  ${JSON.stringify(message)}`).join(',\n')}\n]`;
}

/** Returns a code block. Its fence is longer than any row of backticks in the text. */
function fenced(text: string, language = 'text'): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
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

/** States the type of the weights of each agent and the measured effect of rounding. */
function weightsSection(agents: readonly CardAgent[]): string[] {
  return [
    '## Weights',
    table(
      ['agent', 'files', 'weights'],
      agents.map(({ name, files, weights }) => [name, files.join(', '), weights]),
    ),
    ...agents.flatMap(({ name, rounding }) =>
      rounding === undefined || rounding.length === 0
        ? []
        : [`Effect of rounding on ${name}:`, rounding.map((line) => `* ${line}`).join('\n')],
    ),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
