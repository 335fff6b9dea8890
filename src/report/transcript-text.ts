/**
 * A transcript as a person reads it: the prompt once, then every sample with what each agent said, what was
 * found in it, how the votes fell, and the verdict.
 * @module
 */
import type { FoundTranscript, Transcript } from '../evaluate/transcript-record.ts';
import { printable } from './format.ts';

/** Lines of a message that are shown unless all are asked for. */
const MOST_LINES = 40;

/** @param whole - show long messages whole */
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
  const { sample, agent, messages, agents: members = [], answer, correct, reason, reward } = transcript;
  const forWhom = agent === undefined ? '' : `, for agent ${agent}`;
  const said = messages.map((message, k) => {
    const isLast = !messages.slice(k + 1).some((later) => later.agent === message.agent);
    const own = isLast ? members.find((member) => member.agent === String(message.agent)) : undefined;
    const judged = own ? `\n${indented(`-> ${mark(own.correct)} ${own.reason}`)}` : '';
    const cut = message.finish === 'length' ? ', cut off' : '';
    const tokens = message.tokens === undefined ? '' : `, ${message.tokens} tokens${cut}`;
    const name = typeof message.agent === 'number' ? `agent ${message.agent}` : message.agent;
    return `  ${name} (turn ${message.turn}${tokens})\n${indented(whole ? message.text : shortened(message.text))}${judged}`;
  });
  const votes = members.length > 1 ? `  votes: ${votesOf(members)}\n` : '';
  const verdict = `  ${mark(correct)} team: ${answer ?? 'no answer'}; ${reason}; reward ${Number(reward.toFixed(4))}`;
  return `sample ${sample}${forWhom}\n${said.join('\n')}\n${votes}${verdict}\n`;
}

function votesOf(members: NonNullable<Transcript['agents']>): string {
  const votes = new Map<string, string[]>();
  for (const { agent, answer = 'no answer' } of members)
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
