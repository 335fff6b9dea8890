/**
 * Whether two models can be mixed token by token: one vocabulary, the same text before a message, and
 * engines that show whole distributions.
 * @module
 */
import type { Model } from '../engine/engine.ts';
import { ConfigError } from '../support/errors.ts';

/** A conversation that shows how a chat template writes every role. */
const PROBE = [
  { role: 'system', content: '1' },
  { role: 'user', content: '2' },
  { role: 'assistant', content: '1' },
  { role: 'user', content: '2' },
] as const;

export interface MixablePair {
  readonly incumbent: Model;
  readonly replacement: Model;
}

/**
 * @param where - what the message is about
 * @throws ConfigError saying why not, and which mode works instead
 */
export function requireMixable({ incumbent, replacement }: MixablePair, where: string): void {
  const reason = unmixable(incumbent, replacement);
  if (reason === undefined) return;
  throw new ConfigError(`${where}: ${reason}`);
}

function unmixable(incumbent: Model, replacement: Model): string | undefined {
  if (incumbent.handover !== undefined)
    return 'expected a model of one piece to replace, got a mixture in the middle of a handover; finish that first (troupe train --resume), or choose --mode raw';
  if (replacement.handover !== undefined)
    return 'expected a model of one piece as the replacement, got a mixture in the middle of a handover; finish that first';
  for (const model of [incumbent, replacement])
    if (model.distributions === undefined || model.decodeBatch === undefined)
      return 'expected engines that show whole distributions, got one that does not; choose --mode raw or distil';
  const difference = vocabularyDifference(incumbent, replacement);
  return (
    difference &&
    `expected two models of one vocabulary and chat template, got ${difference}; a token-level mixture is not defined between them, choose --mode message, distil or raw`
  );
}

/** What tells two vocabularies or templates apart; undefined where nothing does. */
export function vocabularyDifference(first: Model, second: Model): string | undefined {
  const [a, b] = [first.tokenizer, second.tokenizer];
  if (a.vocabSize !== b.vocabSize) return `vocabularies of ${a.vocabSize} and ${b.vocabSize} tokens`;
  for (let token = 0; token < a.vocabSize; token++) {
    const [left, right] = [a.decode([token]), b.decode([token])];
    if (left !== right)
      return `token ${token} as ${JSON.stringify(left)} in one and ${JSON.stringify(right)} in the other`;
  }
  if (a.endTokens.join() !== b.endTokens.join())
    return `end tokens ${a.endTokens.join(', ')} in one and ${b.endTokens.join(', ')} in the other`;
  const isSame = (messages: Parameters<typeof a.encodeChat>[0]) =>
    encoded(a, messages) === encoded(b, messages);
  if (!isSame(PROBE) || !isSame(PROBE.slice(1)))
    return 'chat templates that write a conversation differently';
  return undefined;
}

/** A template may refuse a role, which is a way to differ too. */
function encoded(
  tokenizer: Model['tokenizer'],
  messages: Parameters<Model['tokenizer']['encodeChat']>[0],
): string {
  try {
    return tokenizer.encodeChat(messages).join();
  } catch (error) {
    return String(error);
  }
}
