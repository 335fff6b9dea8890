/**
 * End tokens of a checkpoint: the `eos_token_id` of `generation_config.json`, which Transformers and vLLM use, else
 * that of `config.json`, else the `eos_token` of `tokenizer_config.json`.
 * @module
 */
import { join } from 'node:path';
import { ConfigError } from '../../support/errors.ts';
import { type JsonObject, parseJsonObject } from './json-object.ts';
import type { TokenizerFiles } from './tokenizer-files.ts';

const FILE = 'generation_config.json';

/**
 * Returns the ids of the end tokens.
 *
 * @param fromConfig - ids of `config.json`
 * @param vocabSize - number of rows of the embedding
 * @throws ConfigError if there is no end token, or an id is not below `vocabSize`
 */
export function stopTokens(
  { files }: TokenizerFiles,
  fromConfig: readonly number[],
  { vocabSize, where }: { readonly vocabSize: number; readonly where: string },
): readonly number[] {
  const bytes = files.get(FILE);
  const value = bytes && parseJsonObject(new TextDecoder().decode(bytes), join(where, FILE)).eos_token_id;
  const given: readonly unknown[] = Array.isArray(value) ? value : value == null ? [] : [value];
  const listed = given.filter((id) => id !== -1); // -1 stands for no token
  const isToken = (id: unknown): id is number =>
    typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < vocabSize;
  if (!listed.every(isToken))
    throw new ConfigError(
      `${join(where, FILE)} eos_token_id: expected token ids from 0 to ${vocabSize - 1}, got ${JSON.stringify(value)}`,
    );
  if (listed.length > 0) return [...new Set(listed)];
  const ids = fromConfig.length > 0 ? fromConfig : tokenizerEnd(files, where).filter(isToken);
  if (ids.length === 0)
    throw new ConfigError(
      `${where}: expected an eos_token_id of a token in config.json, got none; messages could not end`,
    );
  return ids;
}

/** Returns the id of the `eos_token` of `tokenizer_config.json`, if there is one. */
function tokenizerEnd(files: TokenizerFiles['files'], where: string): readonly unknown[] {
  const read = (name: string): JsonObject => {
    const bytes = files.get(name);
    return bytes ? parseJsonObject(new TextDecoder().decode(bytes), join(where, name)) : {};
  };
  const { eos_token: token } = read('tokenizer_config.json');
  const content =
    typeof token === 'string' ? token : (token as { content?: unknown } | null | undefined)?.content;
  const { added_tokens: added } = read('tokenizer.json');
  if (content === undefined || !Array.isArray(added)) return [];
  return added.filter((entry) => entry?.content === content).map((entry) => entry.id);
}
