/**
 * The files of a model: a Hugging Face folder, or a GGUF file, which is presented as such a folder.
 * @module
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../support/errors.ts';
import { openWeightFiles, type WeightFiles } from '../support/weight-files.ts';
import { configJson } from './config-json.ts';
import { withGguf } from './container.ts';
import { Metadata } from './metadata.ts';
import { type FileContents, ggufTokenizerFiles } from './tokenizer-files.ts';
import { openGgufWeights } from './weight-files.ts';

export const CONFIG_FILE = 'config.json';

/** Returns whether a model is a GGUF file instead of a folder. */
export function isGgufModel(model: string): boolean {
  return /\.gguf$/i.test(model);
}

/** Whether a model is there: a GGUF file, or a folder with a `config.json`. */
export function modelExists(model: string): boolean {
  if (isGgufModel(model)) return statSync(model, { throwIfNoEntry: false })?.isFile() === true;
  return existsSync(join(model, CONFIG_FILE));
}

/**
 * Requires that a model is a folder or a GGUF file.
 *
 * @throws ConfigError if it does not exist
 */
export function requireModel(model: string): void {
  const found = statSync(model, { throwIfNoEntry: false });
  if (isGgufModel(model) ? found?.isFile() : found?.isDirectory()) return;
  throw new ConfigError(
    isGgufModel(model)
      ? `${model}: the GGUF file does not exist; check the path`
      : `${model}: the model folder does not exist; check the path, or make one with troupe pretrain`,
    { code: 'TROUPE_MODEL_MISSING' },
  );
}

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
  if (existsSync(path)) return readFileSync(path, 'utf8');
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
