/**
 * The files of a checkpoint's tokenizer as bytes: saving a model copies them unchanged.
 * @see tokenizer.ts, which parses them
 * @module
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { madeTokenizerFiles } from '../../gguf/model-files.ts';
import { ConfigError } from '../../support/errors.ts';
import { readModelFile } from '../../support/read-model-file.ts';
import { type JsonObject, parseJsonObject } from './json-object.ts';

/** Tokenizer files of a checkpoint. */
export interface TokenizerFiles {
  /** File contents by name, in a fixed order. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const REQUIRED = 'tokenizer.json';

/** Names of all files that can belong to a tokenizer, without further chat templates; the first is required. */
export const TOKENIZER_FILES = [
  REQUIRED,
  'tokenizer_config.json',
  'chat_template.jinja',
  'chat_template.json',
  'generation_config.json',
  'special_tokens_map.json',
] as const;

/** Folder of further chat templates, one per file: `tool_use.jinja` is the template named `tool_use`. */
export const NAMED_TEMPLATES = 'additional_chat_templates';

/** Returns the names of the tokenizer files of a folder, relative to it, in a fixed order. */
export function tokenizerFileNames(dir: string): string[] {
  const named = join(dir, NAMED_TEMPLATES);
  const templates = existsSync(named) ? readdirSync(named).sort() : [];
  return [
    ...TOKENIZER_FILES.filter((name) => existsSync(join(dir, name))),
    ...templates.filter((name) => name.endsWith('.jinja')).map((name) => `${NAMED_TEMPLATES}/${name}`),
  ];
}

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
  return {
    files: new Map(
      tokenizerFileNames(dir).map((name) => [name, new Uint8Array(readModelFile(join(dir, name)))]),
    ),
  };
}

/**
 * Returns the settings of a tokenizer: `tokenizer_config.json`, and `special_tokens_map.json` for keys that it lacks.
 *
 * @param where - the checkpoint's folder, for error messages
 * @throws ConfigError if a file is not a JSON object
 */
export function tokenizerConfig({ files }: TokenizerFiles, where: string): JsonObject {
  const read = (name: string): JsonObject => {
    const bytes = files.get(name);
    return bytes ? parseJsonObject(new TextDecoder().decode(bytes), join(where, name)) : {};
  };
  return { ...read('special_tokens_map.json'), ...read('tokenizer_config.json') };
}
