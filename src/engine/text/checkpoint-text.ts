/**
 * Reads the tokenizer, chat template and end tokens of a model folder without its weights, for engines that load
 * the weights in another process.
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readConfigText } from '../../gguf/model-files.ts';
import { isGgufModel } from '../../gguf/model-path.ts';
import { ConfigError } from '../../support/errors.ts';
import type { LoadOptions, Tokenizer } from '../engine.ts';
import { parseJsonObject } from './json-object.ts';
import { stopTokens } from './stop-tokens.ts';
import { createTokenizer } from './tokenizer.ts';
import { readTokenizerFiles } from './tokenizer-files.ts';

/**
 * Reads the tokenizer of a model folder.
 *
 * @param vocabSize - number of rows of the model's embedding
 * @throws ConfigError if a file is missing or damaged, or the tokenizer has more tokens than the embedding
 */
export function readCheckpointTokenizer(
  { dir, chatTemplateKwargs: kwargs = {} }: Pick<LoadOptions, 'dir' | 'chatTemplateKwargs'>,
  vocabSize: number,
): Tokenizer {
  const files = readTokenizerFiles(dir);
  const ends = stopTokens(files, endTokensOf(dir, vocabSize), { vocabSize, where: dir });
  const tokenizer = createTokenizer(files, ends, { where: dir, kwargs });
  if (tokenizer.vocabSize > vocabSize)
    throw new ConfigError(
      `${dir}: the tokenizer has ${tokenizer.vocabSize} tokens, the model's embedding ${vocabSize}; they belong to different models`,
    );
  return tokenizer;
}

/** Reads `eos_token_id` of config.json, for any architecture. */
function endTokensOf(dir: string, vocabSize: number): number[] {
  const path = isGgufModel(dir) ? dir : join(dir, 'config.json');
  if (!existsSync(path)) return [];
  const value = parseJsonObject(readConfigText(dir), path).eos_token_id ?? [];
  const ids: unknown[] = Array.isArray(value) ? value : [value];
  if (!ids.every((id) => Number.isInteger(id) && Number(id) >= 0 && Number(id) < vocabSize))
    throw new ConfigError(
      `${path} eos_token_id: expected token ids from 0 to ${vocabSize - 1}, got ${JSON.stringify(value)}`,
    );
  return ids.map(Number);
}
