/**
 * Renders transcripts as text: each prompt once, then for each of its samples the agents' messages, whether
 * each agent's answer is correct, the votes, and whether the team's answer is correct.
 * @module
 */
import type { FoundTranscript, Transcript } from '../evaluate/transcript-record.ts';
import { printable } from './format.ts';

/** Maximum number of lines of a message that are shown by default. */
const MOST_LINES = 40;

/** @param whole - whether to show all lines of long messages */
export function renderTranscripts(
  found: readonly FoundTranscript[],
  { whole }: { readonly whole: boolean },
): string {
  let heading = '';
  return found
    .map((one) => {
      const head = headingOf(one);
      const opening = head === heading ? '' : `${head}\n${indented(one.transcript.prompt)}\n\n`;
      heading = head;
      return opening + sampleText(one.transcript, whole);
    })
    .join('\n');
}

function headingOf({ file, position, transcript }: FoundTranscript): string {
  const { item, gold, difficulty } = transcript;
  const facts = [
    `prompt ${position}`,
    item,
    ...(difficulty === undefined ? [] : [`difficulty ${difficulty}`]),
    ...(gold === undefined ? [] : [`gold answer ${gold}`]),
  ];
  return `== ${file.name}: ${facts.join(', ')}`;
}

function sampleText(transcript: Transcript, whole: boolean): string {
  const { sample, agent, messages, agents = [], answer, correct, reason, reward } = transcript;
  const batch = agent === undefined ? '' : `, for agent ${agent}`;
  const texts = messages.map((message, k) => {
    const isLast = !messages.slice(k + 1).some((later) => later.agent === message.agent);
    const own = isLast ? agents.find((one) => one.agent === String(message.agent)) : undefined;
    const verdict = own ? `\n${indented(`-> ${mark(own.correct)} ${own.reason}`)}` : '';
    const cut = message.finish === 'length' ? ', cut off' : '';
    const tokens = message.tokens === undefined ? '' : `, ${message.tokens} tokens${cut}`;
    const name = typeof message.agent === 'number' ? `agent ${message.agent}` : message.agent;
    return `  ${name} (turn ${message.turn}${tokens})\n${indented(whole ? message.text : shortened(message.text))}${verdict}`;
  });
  const votes = agents.length > 1 ? `  votes: ${votesOf(agents)}\n` : '';
  const teamVerdict = `  ${mark(correct)} team: ${answer ?? 'no answer'}; ${reason}; reward ${Number(reward.toFixed(4))}`;
  return `sample ${sample}${batch}\n${texts.join('\n')}\n${votes}${teamVerdict}\n`;
}

function votesOf(agents: NonNullable<Transcript['agents']>): string {
  const votes = new Map<string, string[]>();
  for (const { agent, answer = 'no answer' } of agents)
    votes.set(answer, [...(votes.get(answer) ?? []), agent]);
  return [...votes]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([answer, voters]) => `${answer} x ${voters.length} (${voters.join(', ')})`)
    .join('; ');
}

function mark(isCorrect: boolean): string {
  return isCorrect ? 'right' : 'wrong';
}

function shortened(text: string): string {
  const lines = text.split('\n');
  if (lines.length <= MOST_LINES) return text;
  const half = MOST_LINES / 2;
  return [
    ...lines.slice(0, half),
    `... ${lines.length - MOST_LINES} lines (--whole shows them) ...`,
    ...lines.slice(-half),
  ].join('\n');
}

function indented(text: string): string {
  return printable(text)
    .split('\n')
    .map((line) => `    | ${line}`)
    .join('\n');
}
