/**
 * Compares a real GGUF model with llama.cpp and Transformers, and prints the deviations.
 * Usage: node --import ./scripts/typescript.mjs conformance/check-gguf.ts MODEL.gguf REFERENCE.json
 * @see gguf_reference.py, which writes the reference
 * @module
 */
import { createOnnxEngine } from '../src/engine/onnx/engine.ts';
import { compareGguf, readGgufReference } from './compare-gguf.ts';

const [path = '', referencePath = ''] = process.argv.slice(2);
const reference = readGgufReference(referencePath);
const engine = createOnnxEngine();
const startedMs = performance.now();
const model = await engine.load({ dir: path });
const loadedMs = performance.now();
const { otherIds, ...deviations } = await compareGguf(model, reference);
await engine.close();
console.log(
  JSON.stringify(
    {
      loadSeconds: (loadedMs - startedMs) / 1000,
      strings: reference.strings.length,
      otherIds: otherIds.length,
      examples: otherIds.slice(0, 8),
      prompts: reference.prompts.length,
      ...deviations,
      endTokens: model.tokenizer.endTokens,
    },
    null,
    2,
  ),
);
