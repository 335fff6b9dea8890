/**
 * The vocabulary of a GGUF file: tokens with their types, and the special ids.
 * @see llama.cpp, src/llama-vocab.cpp, `llama_vocab::impl::load`
 * @module
 */
import { ConfigError } from '../support/errors.ts';
import type { Metadata } from './metadata.ts';

/** Token types as numbered in GGUF files. */
export const TOKEN_TYPES = {
  normal: 1,
  unknown: 2,
  control: 3,
  userDefined: 4,
  unused: 5,
  byte: 6,
} as const;

export interface Vocabulary {
  /** `llama` for SentencePiece models, `gpt2` for byte-level BPE. */
  readonly model: 'llama' | 'gpt2';
  /** Text of each token by id. */
  readonly tokens: readonly string[];
  readonly ids: ReadonlyMap<string, number>;
  /** Type of each token; absent: all are normal. */
  readonly types: readonly number[] | undefined;
  readonly begin: number | undefined;
  readonly end: number | undefined;
  readonly unknown: number | undefined;
  readonly padding: number | undefined;
}

/**
 * Ids of SentencePiece models for missing keys. llama.cpp also assumes that token 11 begins and ends a text of
 * byte-level models, but it does so in no released model, so these have no default.
 */
const DEFAULTS = {
  llama: { begin: 1, end: 2, unknown: 0 },
  gpt2: { begin: undefined, end: undefined, unknown: undefined },
} as const;

/**
 * Reads the vocabulary.
 *
 * @throws ConfigError if the file has no tokenizer, one of another kind, or two equal tokens
 */
export function readVocabulary(metadata: Metadata): Vocabulary {
  const key = (name: string): string => `tokenizer.ggml.${name}`;
  const model = metadata.string(key('model'));
  if (model !== 'llama' && model !== 'gpt2')
    throw metadata.problem(key('model'), 'llama (SentencePiece) or gpt2 (byte-level BPE)', model ?? 'none');
  const tokens = metadata.strings(key('tokens'))?.map((text, id) => text || `[EMPTY_${id}]`);
  if (!tokens) throw metadata.problem(key('tokens'), 'the tokens of the tokenizer', 'none');
  const ids = new Map(tokens.map((text, id) => [text, id]));
  if (ids.size < tokens.length) {
    const twice = tokens.find((text, id) => ids.get(text) !== id);
    throw new ConfigError(
      `${metadata.path} ${key('tokens')}: expected different tokens, got ${JSON.stringify(twice)} twice`,
      { code: 'TROUPE_GGUF' },
    );
  }
  const types = metadata.numbers(key('token_type'));
  if (types && types.length < tokens.length)
    throw metadata.problem(key('token_type'), `${tokens.length} types, one per token`, types.length);
  const id = (name: string, fallback: number | undefined): number | undefined => {
    const given = metadata.number(key(name));
    const isToken = (value: number | undefined): boolean => value !== undefined && value < tokens.length;
    return isToken(given) ? given : isToken(fallback) ? fallback : undefined;
  };
  return {
    model,
    tokens,
    ids,
    types,
    begin: id('bos_token_id', DEFAULTS[model].begin),
    end: id('eos_token_id', DEFAULTS[model].end),
    unknown: id('unknown_token_id', DEFAULTS[model].unknown),
    padding: id('padding_token_id', undefined),
  };
}
