import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createOnnxEngine } from './engine.ts';

// tiny models with log-probabilities of Transformers, written by conformance/write_gguf_fixtures.py, which also
// compares them with llama.cpp
const FIXTURES = join(import.meta.dirname, '../../../test/fixtures/gguf');
const MODELS = ['llama', 'llama3', 'mistral3', 'qwen2', 'qwen2-yarn', 'qwen3', 'gemma2', 'gemma3', 'smollm3'];

describe('a GGUF model of architecture', () => {
  it.each(MODELS)('%s gives the log-probabilities of Transformers', async (name) => {
    const path = join(FIXTURES, `${name}.gguf`);
    const { tokens, logprobs } = JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8')) as {
      readonly tokens: readonly number[];
      readonly logprobs: readonly number[];
    };
    const engine = createOnnxEngine({ threads: 1 });
    const model = await engine.load({ dir: path });
    const sequence = {
      context: Int32Array.of(tokens[0] as number),
      tokens: Int32Array.from(tokens.slice(1)),
    };
    const [scored] = await model.forward([sequence], { temperature: 1 });
    await engine.close();
    expect(scored).toHaveLength(logprobs.length);
    for (const [i, expected] of logprobs.entries()) expect(scored?.[i]).toBeCloseTo(expected, 4);
  });
});
