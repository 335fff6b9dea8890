/**
 * The text side of a model folder alone, for engines whose weights are elsewhere: the tokenizer, its chat
 * template and the ids that end a message.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../../support/errors.ts';
import type { LoadOptions, Tokenizer } from '../engine.ts';
import { parseJsonObject } from './json-object.ts';
import { stopTokens } from './stop-tokens.ts';
import { createTokenizer } from './tokenizer.ts';
import { readTokenizerFiles } from './tokenizer-files.ts';

/**
 * @param vocabSize - rows of the model's embedding
 * @throws ConfigError if a file is missing or damaged, or the tokenizer is another model's
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

/** `eos_token_id` of a config.json of any architecture. */
function endTokensOf(dir: string, vocabSize: number): number[] {
  const path = join(dir, 'config.json');
  if (!existsSync(path)) return [];
  const value = parseJsonObject(readFileSync(path, 'utf8'), path).eos_token_id ?? [];
  const ids: unknown[] = Array.isArray(value) ? value : [value];
  if (!ids.every((id) => Number.isInteger(id) && Number(id) >= 0 && Number(id) < vocabSize))
    throw new ConfigError(
      `${path} eos_token_id: expected token ids from 0 to ${vocabSize - 1}, got ${JSON.stringify(value)}`,
    );
  return ids.map(Number);
}
