import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compareGguf, readGgufReference } from '../../conformance/compare-gguf.ts';
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts';
import { describeRealModel, SMOLLM2 } from './smollm2.ts';

// values of llama.cpp and Transformers, written by conformance/gguf_reference.py
const REFERENCE = join(import.meta.dirname, '../fixtures/gguf/smollm2-135m-instruct.Q4_1.json');

/** llama.cpp quantizes activations; Transformers with float32 weights deviates from it by 0.36 nats on these prompts. */
const LLAMA_CPP_TOLERANCE = 0.5;

describeRealModel('SmolLM2-135M-Instruct as a GGUF file', () => {
  it('has the token ids of llama.cpp, and the log-probabilities of Transformers and llama.cpp', async () => {
    const reference = readGgufReference(REFERENCE);
    const engine = createOnnxEngine();
    const model = await engine.load({ dir: SMOLLM2 });
    const compared = await compareGguf(model, reference);
    await engine.close();
    expect(reference.strings.length).toBeGreaterThanOrEqual(500);
    expect(compared.otherIds).toEqual([]);
    expect(compared.fromTransformers).toBeLessThan(1e-4);
    expect(compared.fromLlamaCpp).toBeLessThan(LLAMA_CPP_TOLERANCE);
    expect(compared.sameFirst).toBe(reference.prompts.length);
  }, 120_000);

  it('inserts messages into its own chat template and ends them with its own token', async () => {
    const engine = createOnnxEngine();
    const { tokenizer } = await engine.load({ dir: SMOLLM2 });
    await engine.close();
    const chat = tokenizer.encodeChat([{ role: 'user', content: 'Hi <|im_end|>' }]);
    const end = tokenizer.encode('<|im_end|>')[0] as number;
    expect(tokenizer.decode(chat)).toMatch(
      /<\|im_start\|>user\nHi <\|im_end\|><\|im_end\|>\n<\|im_start\|>assistant\n$/,
    );
    // the text in the message is no end token
    expect([...chat].filter((id) => id === end)).toHaveLength(2);
    expect(tokenizer.endTokens[0]).toBe(end);
  }, 120_000);
});
