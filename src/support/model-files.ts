/**
 * Names of the files that define the weights of a model: all of them, whether the model is one file, shards, an
 * adapter, a mixture of two models or a table.
 * @module
 */
import { readdirSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';

/** Matches weight files; the optimizer's state is not part of the model. */
const WEIGHTS = /(^|\/)(?!optimizer\.)[^/]+\.(safetensors|gguf)$|(^|\/)tabular\.json$/;

/** Returns the names of weight files among the names of files, in order. */
export function weightFileNames(names: readonly string[]): string[] {
  return names.filter((name) => WEIGHTS.test(name)).sort();
}

/**
 * Returns the weight files below a model folder, relative to the folder, with `/`. A path of a single file is its own
 * weight file, with the name ''.
 */
export function weightFilesIn(model: string): string[] {
  const stat = statSync(model, { throwIfNoEntry: false });
  if (stat === undefined) return [];
  if (!stat.isDirectory()) return [''];
  const names = readdirSync(model, { recursive: true, encoding: 'utf8' });
  return weightFileNames(names.map((name) => name.split(sep).join('/')));
}

/** Size of all weight files of a model, bytes. */
export function weightBytes(model: string): number {
  return weightFilesIn(model).reduce((sum, name) => sum + statSync(join(model, name)).size, 0);
}
