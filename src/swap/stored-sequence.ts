/**
 * Restores the token sequence of a message from the text that a run stored.
 * @module
 */
import type { Sequence, Tokenizer } from '../engine/engine.ts';
import { type PromptExample, withExamples } from '../team/examples.ts';
import type { Protocol, ProtocolMessage } from '../team/team.ts';

/** The part of a stored episode that determines the contexts of its messages. */
export interface StoredDialogue {
  readonly item: string;
  readonly prompt: string;
  readonly messages: readonly StoredMessage[];
}

export interface StoredMessage {
  readonly turn: number;
  readonly agent: number;
  readonly text: string;
}

export interface StoredMessageReader {
  readonly protocol: Protocol;
  /** Tokenizer of the model that gets the sequence. */
  readonly tokenizer: Tokenizer;
  /** Instruction of the agent that wrote the message. */
  readonly instruction: string | undefined;
  /** Few-shot examples of that agent. */
  readonly examples: readonly PromptExample[] | undefined;
  /** Maximum length of a sampled message, tokens. */
  readonly maxTokens: number;
}

/** Tokenizes a stored message and its prompt for a model. */
export function storedSequence(
  { protocol, tokenizer, instruction, examples, maxTokens }: StoredMessageReader,
  episode: StoredDialogue,
  message: StoredMessage,
): Sequence {
  const before = episode.messages
    .filter(({ turn }) => turn < message.turn)
    .map(({ turn, agent, text }): ProtocolMessage => {
      return { turn, agent, text, tokens: tokenizer.encode(text), meanLogp: 0 };
    });
  const item = { id: episode.item, prompt: episode.prompt };
  const view = withExamples(protocol.view(item, message.agent, before, instruction), examples);
  const text = tokenizer.encode(message.text);
  const end = tokenizer.endTokens[0];
  // a message that was cut at the maximum length has no end token, all others have one
  const ended = text.length < maxTokens && end !== undefined;
  return {
    context: tokenizer.encodeChat(view),
    tokens: ended ? Int32Array.from([...text, end]) : text.slice(0, maxTokens),
  };
}
