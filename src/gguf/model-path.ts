/**
 * Paths of models: Hugging Face folders and GGUF files.
 * @see model-files.ts, which reads them
 * @module
 */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../support/errors.ts';

export const CONFIG_FILE = 'config.json';

/**
 * Returns whether a model is a GGUF file instead of a folder. The files of Ollama have no ending, so other files are
 * recognized by their first bytes.
 */
export function isGgufModel(model: string): boolean {
  const found = statSync(model, { throwIfNoEntry: false });
  if (/\.gguf$/i.test(model)) return found?.isDirectory() !== true;
  if (found?.isFile() !== true) return false;
  const magic = Buffer.alloc(4);
  const fd = openReadable(model);
  try {
    readSync(fd, magic, 0, magic.length, 0);
  } finally {
    closeSync(fd);
  }
  return magic.toString('latin1') === 'GGUF';
}

function openReadable(model: string): number {
  try {
    return openSync(model, 'r');
  } catch (cause) {
    throw new ConfigError(
      `${model}: expected a model, got a file that cannot be read (${cause instanceof Error ? cause.message : String(cause)})`,
      { cause },
    );
  }
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
      : `${model}: the model folder does not exist; check the path, write hf:OWNER/NAME for a model of the hub, or make a folder with troupe pretrain`,
    { code: 'TROUPE_MODEL_MISSING' },
  );
}

/**
 * Refuses a GGUF file for an engine whose workers load models with Transformers, which reads such files differently from
 * llama.cpp.
 *
 * @throws ConfigError
 */
export function refuseGguf(model: string, engine: string): void {
  if (!isGgufModel(model)) return;
  throw new ConfigError(
    `${model}: expected a model folder, because engine ${engine} does not read GGUF files; use engine onnx, or save the model as a folder with it first`,
    { code: 'TROUPE_GGUF_ENGINE' },
  );
}
