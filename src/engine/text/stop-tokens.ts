/**
 * End tokens of a checkpoint: the `eos_token_id` of `generation_config.json`, which Transformers and vLLM use, else
 * that of `config.json`.
 * @module
 */
import { join } from 'node:path';
import { ConfigError } from '../../support/errors.ts';
import { parseJsonObject } from './json-object.ts';
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
  const listed: readonly unknown[] = Array.isArray(value) ? value : value == null ? [] : [value];
  const isToken = (id: unknown): id is number =>
    typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < vocabSize;
  if (!listed.every(isToken))
    throw new ConfigError(
      `${join(where, FILE)} eos_token_id: expected token ids from 0 to ${vocabSize - 1}, got ${JSON.stringify(value)}`,
    );
  const ids = listed.length > 0 ? [...new Set(listed)] : fromConfig;
  if (ids.length === 0)
    throw new ConfigError(
      `${where}: expected an eos_token_id in config.json, got none; messages could not end`,
    );
  return ids;
}
