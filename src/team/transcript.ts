/**
 * Builds prompts and readable dialogues from messages. No text such as "agent 2 said" is added, because the
 * vocabulary of a small model may contain the characters of its task only.
 *
 * The message types of training and evaluation:
 *
 * | type | meaning |
 * | --- | --- |
 * | `ChatMessage` (engine) | one message of a prompt: role and content; input of the chat template |
 * | `Completion` (engine) | output of the sampler for one request: tokens, logp, finish reason |
 * | `Sequence` (engine) | context and sampled tokens; input of scoring and of the gradient |
 * | `ProtocolMessage` | the fields of an agent's message that protocols use: turn, agent, text, tokens, mean logp |
 * | `TeamMessage` | one agent's message in an episode: a `ProtocolMessage` that is also a `Sequence` |
 * | `EnvironmentReply` | the reply of an interactive task's environment after a turn |
 * | `MessageRecord` (evaluate) | a message or reply as a row of an evaluation file |
 * @module
 */
import type { ChatMessage } from '../engine/engine.ts';
import type { TaskItem } from '../task/task.ts';
import type { EnvironmentReply, ProtocolMessage, TeamMessage, Trajectory } from './team.ts';

/** Returns the first messages of a prompt: the agent's instruction, if it has one, and the item's prompt. */
export function openingMessages(item: TaskItem, instruction: string | undefined): ChatMessage[] {
  const prompt: ChatMessage = { role: 'user', content: item.prompt };
  return instruction === undefined ? [prompt] : [{ role: 'system', content: instruction }, prompt];
}

/**
 * Returns an agent's own earlier message for its prompt, with its token ids, so that the text is never
 * tokenized again.
 */
export function ownChatMessage({ text, tokens }: ProtocolMessage): ChatMessage {
  return { role: 'assistant', content: text, tokens };
}

/**
 * Returns the prompt of an agent on a transcript that all agents share: all earlier messages as assistant
 * messages, those of other agents too. Messages of other agents are passed as text, because their token ids
 * belong to another model.
 */
export function sharedTranscript(
  item: TaskItem,
  agent: number,
  {
    messages,
    instruction,
  }: { readonly messages: readonly ProtocolMessage[]; readonly instruction: string | undefined },
): ChatMessage[] {
  return [
    ...openingMessages(item, instruction),
    ...messages.map((message) => assistantMessage(agent, message)),
  ];
}

/** Returns a message of the shared transcript for the prompt of `agent`. */
function assistantMessage(agent: number, message: ProtocolMessage): ChatMessage {
  return message.agent === agent ? ownChatMessage(message) : { role: 'assistant', content: message.text };
}

/** A message that was passed to the environment, and the environment's reply. */
export interface Exchange {
  readonly sent: ProtocolMessage;
  readonly reply: string | undefined;
}

/**
 * Returns the prompt of an agent in an interactive episode: the messages passed to the environment as
 * assistant messages, those of all agents, and the environment's replies as user messages.
 */
export function exchangeTranscript(
  item: TaskItem,
  agent: number,
  {
    exchanges,
    instruction,
  }: { readonly exchanges: readonly Exchange[]; readonly instruction: string | undefined },
): ChatMessage[] {
  const messages = exchanges.flatMap(({ sent, reply }): ChatMessage[] => [
    assistantMessage(agent, sent),
    ...(reply === undefined ? [] : [{ role: 'user' as const, content: reply }]),
  ]);
  return [...openingMessages(item, instruction), ...messages];
}

/**
 * Returns the messages and replies of an episode in order of turn; a reply comes after the messages of its
 * turn.
 */
export function inTurnOrder({
  messages,
  replies = [],
}: Pick<Trajectory, 'messages'> & { readonly replies?: Trajectory['replies'] | undefined }): (
  | TeamMessage
  | EnvironmentReply
)[] {
  // a stable sort keeps replies after the messages of their turn
  return [...messages, ...replies].sort((a, b) => a.turn - b.turn);
}

/**
 * Returns an episode in a form for readers: its messages with the agents' ids, and the environment's replies.
 */
export function dialogue(
  episode: Parameters<typeof inTurnOrder>[0],
): { turn: number; agent: number | 'environment'; text: string }[] {
  return inTurnOrder(episode).map((entry) => ({
    turn: entry.turn,
    agent: 'agent' in entry ? entry.agent : 'environment',
    text: entry.text,
  }));
}
