/**
 * Checks whether two models can be mixed per token: they need equal vocabularies and chat templates, and
 * their engines must support `distributions` and `decodeBatch`.
 * @module
 */
import type { Model } from '../engine/engine.ts';
import { ConfigError } from '../support/errors.ts';

/** A conversation with all roles, used to compare two chat templates. */
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
 * Checks that two models can be mixed per token.
 *
 * @param where - prefix of the error message
 * @throws ConfigError with the reason, and the modes of `troupe swap` that work instead
 */
export function requireMixable({ incumbent, replacement }: MixablePair, where: string): void {
  const reason = incompatibility(incumbent, replacement);
  if (reason === undefined) return;
  throw new ConfigError(`${where}: ${reason}`);
}

function incompatibility(incumbent: Model, replacement: Model): string | undefined {
  if (incumbent.handover !== undefined)
    return 'expected a single model as the incumbent, got a mixture in an unfinished handover; finish it first (troupe train --resume), or choose --mode raw';
  if (replacement.handover !== undefined)
    return 'expected a single model as the replacement, got a mixture in an unfinished handover; finish it first';
  for (const model of [incumbent, replacement])
    if (model.distributions === undefined || model.decodeBatch === undefined)
      return 'expected engines that compute distributions over the vocabulary, got one that does not; choose --mode raw or distil';
  return differentVocabularies(incumbent, replacement);
}

/**
 * Returns the reason why two models with these tokenizers cannot be mixed per token; undefined if they can.
 */
export function differentVocabularies(
  incumbent: Pick<Model, 'tokenizer'>,
  replacement: Pick<Model, 'tokenizer'>,
): string | undefined {
  const difference = vocabularyDifference(incumbent, replacement);
  return (
    difference &&
    `expected two models with the same vocabulary and chat template, got ${difference}; a mixture per token is not defined for them, choose --mode message, distil or raw`
  );
}

/** Describes the first difference between two vocabularies or chat templates; undefined if there is none. */
export function vocabularyDifference(
  first: Pick<Model, 'tokenizer'>,
  second: Pick<Model, 'tokenizer'>,
): string | undefined {
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
    return 'chat templates that render a conversation differently';
  return undefined;
}

/** Returns the encoded conversation as text, or the error if the template rejects a role, for comparison. */
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
