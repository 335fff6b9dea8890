/**
 * Tiny models with the byte-level tokenizer, as folders and GGUF files.
 * @module
 */

import { createOnnxEngine } from '../../engine/onnx/engine.ts';
import { tinyConfig, tinyWeights } from '../../engine/onnx/testing/tiny-model.ts';
import type { TokenizerFiles } from '../../engine/text/tokenizer-files.ts';
import { type GgufModel, writeGgufModel } from '../export-gguf.ts';
import { tinyByteTokenizer } from './byte-tokenizer.ts';

const tokenizer = tinyByteTokenizer();
const TEMPLATE = new TextDecoder().decode(tokenizer.files.get('chat_template.jinja'));
const config = tinyConfig({ vocabSize: tokenizer.vocabSize, maxPositions: 256 });

/** Saves a model as a Hugging Face folder, with changes to its tokenizer files (undefined removes a file). */
export async function saveTinyModel(
  folder: string,
  changes: Readonly<Record<string, string | undefined>> = {},
): Promise<void> {
  const files = new Map(tokenizer.files);
  for (const [name, text] of Object.entries(changes))
    if (text === undefined) files.delete(name);
    else files.set(name, new TextEncoder().encode(text));
  const engine = createOnnxEngine({ threads: 1, spinning: false });
  const checkpoint = { config, weights: tinyWeights(config), tokenizer: { files } satisfies TokenizerFiles };
  const model = await engine.fromCheckpoint(checkpoint, 'tiny');
  await model.save(folder);
  await engine.close();
}

/** Saves an untrained adapter of a model. */
export async function saveTinyAdapter(folder: string, base: string): Promise<void> {
  const lora = { r: 2, alpha: 4, targetModules: 'all-linear', rslora: false } as const;
  const engine = createOnnxEngine({ threads: 1, spinning: false, lora });
  const model = await engine.load({ dir: base, chatTemplate: 'plain' });
  await model.save(folder);
  await engine.close();
}

/** Writes the model of a folder that {@link saveTinyModel} created as a GGUF file. */
export function writeTinyGguf(path: string, folder: string, changes: Partial<GgufModel> = {}): void {
  const described = { decoder: config, endTokens: [0], addsBegin: false, chatTemplate: TEMPLATE };
  writeGgufModel(path, { name: 'tiny', whole: folder, described, type: 'F32', ...changes });
}
