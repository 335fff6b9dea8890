/**
 * The parts of a checkpoint's tokenizer that are outside of `tokenizer.json`: Transformers adds tokens of
 * `tokenizer_config.json` and overrides one setting when it loads a checkpoint.
 * @module
 */
import { ConfigError } from '../../support/errors.ts';
import type { JsonObject } from './json-object.ts';

/** A token that is matched in the text before the model's own tokens. */
export interface AddedToken {
  readonly content: string;
  readonly special: boolean;
  /** Whether it is matched after normalization. */
  readonly normalized: boolean;
}

const NAMES = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'].map((name) => `${name}_token`);

/** Returns the added tokens of a `tokenizer.json`. @throws ConfigError if one has no text */
export function addedTokensOf({ added_tokens: tokens = [] }: JsonObject, where: string): AddedToken[] {
  if (!Array.isArray(tokens))
    throw new ConfigError(
      `${where} added_tokens: expected a list, got ${JSON.stringify(tokens).slice(0, 40)}`,
    );
  return tokens.map((token: unknown, index) => {
    const { content, special, normalized } = (token ?? {}) as JsonObject;
    if (typeof content === 'string')
      return { content, special: special === true, normalized: normalized === true };
    throw new ConfigError(
      `${where} added_tokens: expected a text as content of token ${index}, got ${JSON.stringify(content)}`,
    );
  });
}

/** Returns the special tokens that a `tokenizer_config.json` names. */
export function specialTokensOf(config: JsonObject): string[] {
  const { additional_special_tokens: additional, extra_special_tokens: extra } = config;
  const more = [additional, extra].flatMap((tokens) =>
    typeof tokens === 'object' && tokens !== null ? Object.values(tokens) : [],
  );
  return [...NAMES.map((name) => config[name]), ...more].flatMap((token) => textOf(token) ?? []);
}

/** Returns the text of a token, which is stored as text or as an object. */
function textOf(token: unknown): string | undefined {
  const text = typeof token === 'object' && token !== null ? (token as JsonObject).content : token;
  return typeof text === 'string' ? text : undefined;
}

/**
 * Returns the `tokenizer.json` that Transformers uses for a checkpoint. It contains the tokens of
 * `tokenizer_config.json` that `tokenizer.json` lacks, and a byte-level split adds a space at the beginning only if
 * `tokenizer_config.json` demands it.
 *
 * @param json - content of `tokenizer.json`
 * @param config - content of `tokenizer_config.json`; empty if the checkpoint has none
 * @returns `json` itself if nothing changes
 */
export function asTransformersLoads(json: JsonObject, config: JsonObject): JsonObject {
  if (Object.keys(config).length === 0) return json;
  return withConfiguredPrefix(withConfiguredTokens(json, config), config);
}

function withConfiguredTokens(json: JsonObject, config: JsonObject): JsonObject {
  const own: readonly unknown[] = Array.isArray(json.added_tokens) ? json.added_tokens : [];
  const known = new Set(own.map(textOf));
  const tokens: JsonObject[] = [];
  const add = (token: JsonObject): void => {
    if (known.has(textOf(token)) || textOf(token) === '') return;
    known.add(textOf(token));
    tokens.push(token);
  };
  const listed = Object.entries((config.added_tokens_decoder ?? {}) as JsonObject);
  const special = specialTokensOf(config);
  const flags = { single_word: false, lstrip: false, rstrip: false };
  for (const [id, token] of listed.sort(([a], [b]) => Number(a) - Number(b))) {
    const { content, normalized, special: isSpecial, ...own } = (token ?? {}) as JsonObject;
    if (typeof content !== 'string') continue;
    add({
      ...{ id: Number(id), content, ...flags, ...own, normalized: normalized ?? isSpecial !== true },
      special: isSpecial === true || special.includes(content),
    });
  }
  // a special token outside of the vocabulary would get an id that the embedding does not have
  const vocab = vocabularyOf(json);
  for (const content of special) {
    const id = vocab(content);
    if (id !== undefined) add({ id, content, ...flags, normalized: false, special: true });
  }
  return tokens.length === 0 ? json : { ...json, added_tokens: [...own, ...tokens] };
}

/** Returns a function that finds a token's id in the model's vocabulary. */
function vocabularyOf({ model }: JsonObject): (token: string) => number | undefined {
  const { vocab } = (model ?? {}) as JsonObject;
  if (typeof vocab !== 'object' || vocab === null) return () => undefined;
  if (!Array.isArray(vocab)) {
    const ids = vocab as Readonly<Record<string, number>>;
    return (token) => (Object.hasOwn(ids, token) ? ids[token] : undefined);
  }
  return (token) => {
    const id = vocab.findIndex((entry: unknown) => Array.isArray(entry) && entry[0] === token);
    return id < 0 ? undefined : id;
  };
}

function withConfiguredPrefix(json: JsonObject, config: JsonObject): JsonObject {
  const split = json.pre_tokenizer as JsonObject | null | undefined;
  const wanted = config.add_prefix_space === true;
  if (split?.type !== 'ByteLevel' || split.add_prefix_space === wanted) return json;
  return { ...json, pre_tokenizer: { ...split, add_prefix_space: wanted } };
}
