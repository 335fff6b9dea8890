/**
 * The files of a model: a Hugging Face folder, or a GGUF file, which is presented as such a folder.
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../support/errors.ts';
import { readModelFileText } from '../support/read-model-file.ts';
import { openWeightFiles, type WeightFiles } from '../support/weight-files.ts';
import { configJson } from './config-json.ts';
import { withGguf } from './container.ts';
import { Metadata } from './metadata.ts';
import { CONFIG_FILE, isGgufModel } from './model-path.ts';
import { type FileContents, ggufTokenizerFiles } from './tokenizer-files.ts';
import { openGgufWeights } from './weight-files.ts';

/** Opens the weights of a model; the caller closes them. @throws ConfigError if they are missing or damaged */
export function openModelWeights(model: string): WeightFiles {
  return isGgufModel(model) ? openGgufWeights(model) : openWeightFiles(model);
}

/**
 * Returns the text of a model's `config.json`.
 *
 * @throws ConfigError if a folder has none, or a GGUF file cannot be read
 */
export function readConfigText(model: string): string {
  if (isGgufModel(model)) return `${JSON.stringify(withGguf(model, configJson), null, 2)}\n`;
  const path = join(model, CONFIG_FILE);
  if (existsSync(path)) return readModelFileText(path);
  throw new ConfigError(`${path}: the file is missing; a model folder needs its config.json`);
}

/** Returns the licence that a GGUF file states; undefined if it states none. */
export function ggufLicense(path: string): string | undefined {
  return withGguf(path, (file) => new Metadata(file).string('general.license'));
}

/** Returns the tokenizer files that are made from a GGUF file; undefined for a folder, which has its own. */
export function madeTokenizerFiles(model: string): FileContents | undefined {
  return isGgufModel(model) ? ggufTokenizerFiles(model) : undefined;
}
