/**
 * Few-shot examples: solved prompts that an agent gets as earlier turns of the conversation, before the
 * prompt it must answer. They are part of the agent's context, so they are never trained on.
 * @see lm-evaluation-harness, `fewshot_as_multiturn`
 * @module
 */
import type { ChatMessage } from '../engine/engine.ts';

/** A solved prompt. */
export interface PromptExample {
  readonly prompt: string;
  readonly answer: string;
}

/**
 * Inserts examples after the leading system messages of a prompt, as pairs of a user and an assistant
 * message.
 */
export function withExamples(
  messages: readonly ChatMessage[],
  examples: readonly PromptExample[] | undefined,
): readonly ChatMessage[] {
  if (examples === undefined || examples.length === 0) return messages;
  const firstTurn = messages.findIndex(({ role }) => role !== 'system');
  const at = firstTurn < 0 ? messages.length : firstTurn;
  return [...messages.slice(0, at), ...exampleMessages(examples), ...messages.slice(at)];
}

/** Returns the user and assistant messages of the examples, in order. */
export function exampleMessages(examples: readonly PromptExample[]): ChatMessage[] {
  return examples.flatMap(({ prompt, answer }): ChatMessage[] => [
    { role: 'user', content: prompt },
    { role: 'assistant', content: answer },
  ]);
}
