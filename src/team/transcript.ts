/**
 * Messages as protocols see them, and what an agent sees, as chat messages. Nothing is put into words here (no "agent 2 said"): a small
 * model's vocabulary may hold the characters of its task and no others.
 * @module
 */
import type { ChatMessage } from '../engine/engine.ts';
import type { TaskItem } from '../task/task.ts';
import type { SpokenMessage, TeamMessage } from './team.ts';

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
  const messages = said.spoken.map(
    (message): ChatMessage =>
      message.agent === agent ? ownMessage(message) : { role: 'assistant', content: message.text },
  );
  return [...opening(item, said.instruction), ...messages];
}
