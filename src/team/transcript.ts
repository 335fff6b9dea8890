/**
 * Messages as protocols see them, and what an agent sees, as chat messages. Nothing is put into words here
 * (no "agent 2 said"): a small model's vocabulary may hold the characters of its task and no others.
 * @module
 */
import type { ChatMessage } from '../engine/engine.ts';
import type { TaskItem } from '../task/task.ts';
import type { SpokenMessage, TeamMessage, Trajectory } from './team.ts';

/** A message as protocols see it. */
export function spokenOf({ turn, agent, text, tokens, logpSampler, characters }: TeamMessage): SpokenMessage {
  let sum = 0;
  for (const logp of logpSampler) sum += logp;
  return { turn, agent, text, tokens, meanLogp: sum / (characters ?? logpSampler.length) };
}

/** The agent's own instruction, if it has one, and the prompt. */
export function opening(item: TaskItem, instruction: string | undefined): ChatMessage[] {
  const prompt: ChatMessage = { role: 'user', content: item.prompt };
  return instruction === undefined ? [prompt] : [{ role: 'system', content: instruction }, prompt];
}

/** An agent's own earlier message: its tokens go with it, so that they are never tokenised again. */
export function ownMessage({ text, tokens }: SpokenMessage): ChatMessage {
  return { role: 'assistant', content: text, tokens };
}

/**
 * One transcript that all agents share: everything said so far as assistant messages, whoever said it.
 * Others' messages are text, because their tokens are those of another model.
 */
export function sharedTranscript(
  item: TaskItem,
  agent: number,
  said: { readonly spoken: readonly SpokenMessage[]; readonly instruction: string | undefined },
): ChatMessage[] {
  return [...opening(item, said.instruction), ...said.spoken.map((message) => asSeenBy(agent, message))];
}

function asSeenBy(agent: number, message: SpokenMessage): ChatMessage {
  return message.agent === agent ? ownMessage(message) : { role: 'assistant', content: message.text };
}

/** A message that was sent to the environment, and what it said. */
export interface Exchange {
  readonly sent: SpokenMessage;
  readonly reply: string | undefined;
}

/**
 * An interactive episode as an agent sees it: what was sent as assistant messages, whoever wrote it, and what
 * the environment said as user messages.
 */
export function exchangeTranscript(
  item: TaskItem,
  agent: number,
  had: { readonly exchanges: readonly Exchange[]; readonly instruction: string | undefined },
): ChatMessage[] {
  const messages = had.exchanges.flatMap(({ sent, reply }): ChatMessage[] => [
    asSeenBy(agent, sent),
    ...(reply === undefined ? [] : [{ role: 'user' as const, content: reply }]),
  ]);
  return [...opening(item, had.instruction), ...messages];
}

/** What was said in an episode, in order, for people: agents by id, and the environment. */
export function dialogue({
  messages,
  replies = [],
}: Pick<Trajectory, 'messages'> & { readonly replies?: Trajectory['replies'] | undefined }): {
  turn: number;
  agent: number | 'environment';
  text: string;
}[] {
  const said = messages.map(({ turn, agent, text }) => ({ turn, agent, text }));
  const answered = replies.map(({ turn, text }) => ({ turn, agent: 'environment' as const, text }));
  return [...said, ...answered].sort((a, b) => a.turn - b.turn); // stable: agents before the environment
}
