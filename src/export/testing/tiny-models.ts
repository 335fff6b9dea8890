/**
 * Tiny models with the byte-level tokenizer, as folders and GGUF files.
 * @module
 */
import { createOnnxEngine } from '../../engine/onnx/engine.ts';
import { tinyConfig, tinyWeights } from '../../engine/onnx/testing/tiny-model.ts';
import { type GgufModel, writeGgufModel } from '../export-gguf.ts';
import { tinyByteTokenizer } from './byte-tokenizer.ts';

const tokenizer = tinyByteTokenizer();
const config = tinyConfig({ vocabSize: tokenizer.vocabSize, maxPositions: 256 });

/** Saves a model as a Hugging Face folder. */
export async function saveTinyModel(folder: string): Promise<void> {
  const engine = createOnnxEngine({ threads: 1, spinning: false });
  const model = await engine.fromCheckpoint({ config, weights: tinyWeights(config), tokenizer }, 'tiny');
  await model.save(folder);
  await engine.close();
}

/** Writes the model of a folder that {@link saveTinyModel} created as a GGUF file. */
export function writeTinyGguf(path: string, folder: string, changes: Partial<GgufModel> = {}): void {
  const described = { decoder: config, endTokens: [0], addsBegin: false };
  writeGgufModel(path, { name: 'tiny', whole: folder, described, type: 'F32', ...changes });
}
