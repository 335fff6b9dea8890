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
import { withChatTemplate } from './chat-template-setting.ts';
import { parseJsonObject } from './json-object.ts';
import { stopTokens } from './stop-tokens.ts';
import { createTokenizer } from './tokenizer.ts';
import { readTokenizerFiles, type TokenizerFiles } from './tokenizer-files.ts';

/**
 * Reads the tokenizer of a model folder.
 *
 * @param vocabSize - number of rows of the model's embedding
 * @throws ConfigError if a file is missing or damaged, or the tokenizer has more tokens than the embedding
 */
export function readCheckpointTokenizer(
  {
    dir,
    chatTemplate,
    chatTemplateKwargs: kwargs = {},
  }: Pick<LoadOptions, 'dir' | 'chatTemplate' | 'chatTemplateKwargs'>,
  vocabSize: number,
): Tokenizer {
  const endTokens = endTokensOf(dir, vocabSize);
  const settings = { ...(chatTemplate === undefined ? {} : { chatTemplate }), chatTemplateKwargs: kwargs };
  return checkpointTokenizer(readTokenizerFiles(dir), { dir, vocabSize, endTokens, ...settings });
}

/** Properties of a checkpoint that its tokenizer depends on. */
export interface CheckpointText extends Pick<LoadOptions, 'dir' | 'chatTemplate' | 'chatTemplateKwargs'> {
  /** Number of rows of the model's embedding. */
  readonly vocabSize: number;
  /** Ids of the end tokens in config.json. */
  readonly endTokens: readonly number[];
}

/**
 * Creates the tokenizer of a checkpoint from its files.
 *
 * @throws ConfigError if a file is damaged, or the tokenizer has more tokens than the embedding
 */
export function checkpointTokenizer(
  source: TokenizerFiles,
  { dir, vocabSize, endTokens, chatTemplate, chatTemplateKwargs: kwargs = {} }: CheckpointText,
): Tokenizer {
  const files = withChatTemplate(source, chatTemplate, { where: dir, endTokens });
  const ends = stopTokens(files, endTokens, { vocabSize, where: dir });
  const tokenizer = createTokenizer(files, ends, { where: dir, kwargs });
  if (tokenizer.vocabSize > vocabSize)
    throw new ConfigError(
      `${dir}: the tokenizer has ${tokenizer.vocabSize} tokens, the model's embedding ${vocabSize}; they belong to different models`,
    );
  return tokenizer;
}

/**
 * Returns the files of a model folder that define its chats, after the setting `chat_template`. An engine that saves
 * models in another process adds them to the saved folder.
 *
 * @returns contents by file name, relative to the folder
 */
export function readChatFiles({
  dir,
  chatTemplate,
}: Pick<LoadOptions, 'dir' | 'chatTemplate'>): ReadonlyMap<string, Uint8Array> {
  const endTokens = endTokensOf(dir, Number.POSITIVE_INFINITY);
  const { files } = withChatTemplate(readTokenizerFiles(dir), chatTemplate, { where: dir, endTokens });
  const isOfChats = (name: string): boolean =>
    name.includes('chat_template') || name === 'generation_config.json';
  return new Map([...files].filter(([name]) => isOfChats(name)));
}

/** Reads `eos_token_id` of config.json, for any architecture. */
function endTokensOf(dir: string, vocabSize: number): number[] {
  const path = isGgufModel(dir) ? dir : join(dir, 'config.json');
  if (!existsSync(path)) return [];
  const value = parseJsonObject(readConfigText(dir), path).eos_token_id ?? [];
  const ids: unknown[] = Array.isArray(value) ? value : [value];
  if (!ids.every(Number.isInteger))
    throw new ConfigError(`${path} eos_token_id: expected token ids, got ${JSON.stringify(value)}`);
  // as in Transformers, an id outside the vocabulary ends no message
  return ids.map(Number).filter((id) => id >= 0 && id < vocabSize);
}
