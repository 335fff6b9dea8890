/**
 * The files of a checkpoint's tokenizer as bytes: saving a model copies them unchanged.
 * @see tokenizer.ts, which parses them
 * @module
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { madeTokenizerFiles } from '../../gguf/model-files.ts';
import { ConfigError } from '../../support/errors.ts';

/** Tokenizer files of a checkpoint. */
export interface TokenizerFiles {
  /** File contents by name, in a fixed order. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const REQUIRED = 'tokenizer.json';

/** Names of all files that can belong to a tokenizer; the first is required. */
export const TOKENIZER_FILES = [
  REQUIRED,
  'tokenizer_config.json',
  'chat_template.jinja',
  'generation_config.json',
  'special_tokens_map.json',
] as const;

/**
 * Reads the tokenizer files of a folder, or makes them from a GGUF file.
 *
 * @throws ConfigError if there is no `tokenizer.json`, or the tokenizer of the GGUF file is not supported
 */
export function readTokenizerFiles(dir: string): TokenizerFiles {
  const made = madeTokenizerFiles(dir);
  if (made) return { files: made };
  const path = join(dir, REQUIRED);
  if (!existsSync(path))
    throw new ConfigError(`${path}: the file is missing; a model folder needs its tokenizer`);
  const found = TOKENIZER_FILES.filter((name) => existsSync(join(dir, name)));
  return { files: new Map(found.map((name) => [name, new Uint8Array(readFileSync(join(dir, name)))])) };
}
