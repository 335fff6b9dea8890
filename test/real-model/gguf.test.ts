/**
 * Compares SmolLM2-135M-Instruct, read from its GGUF file, with recorded values of Transformers and llama.cpp, and with
 * llama.cpp itself if a Python with xllamacpp is found (or set by TROUPE_PYTHON).
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareGguf, readGgufReference } from '../../conformance/compare-gguf.ts';
import { scored } from '../../conformance/gguf/cases.ts';
import { compareWithLlamaCpp, hasLlamaCpp } from '../../conformance/gguf/llama-cpp.ts';
import type { ChatMessage } from '../../src/engine/engine.ts';
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts';
import type { OnnxModel } from '../../src/engine/onnx/model.ts';
import { ChatTemplate } from '../../src/engine/text/chat-template.ts';
import { parseJsonObject } from '../../src/engine/text/json-object.ts';
import { readTokenizerFiles } from '../../src/engine/text/tokenizer-files.ts';
import { describeRealModel, SMOLLM2 } from './smollm2.ts';

const FIXTURE = join(import.meta.dirname, '../fixtures/gguf/smollm2-135m-instruct.Q4_1');
// values of llama.cpp and Transformers, written by conformance/gguf_reference.py
const REFERENCE = `${FIXTURE}.json`;
// text and token ids of Transformers, written by conformance/gguf/write_chats.py
const CHATS = `${FIXTURE}.chats.json`;

/** llama.cpp quantizes activations; Transformers with float32 weights deviates from it by 0.36 nats on these prompts. */
const LLAMA_CPP_TOLERANCE = 0.5;
/** Limits of the mean deviation, which is 0.083 nats from the recorded values, and 0.088 on two of the prompts. */
const LLAMA_CPP_MEAN = 0.1;
const INSTALLED_LLAMA_CPP_MEAN = 0.12;

interface Chat {
  readonly messages: readonly ChatMessage[];
  readonly generate: boolean;
  readonly text: string;
  readonly ids: readonly number[];
}

describeRealModel('SmolLM2-135M-Instruct as a GGUF file', () => {
  const engine = createOnnxEngine();
  let model: OnnxModel;
  let dir: string;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'troupe-real-gguf-'));
    model = await engine.load({ dir: SMOLLM2 });
  }, 120_000);
  afterAll(async () => {
    await engine.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('has the token ids of llama.cpp, and the log-probabilities of Transformers and llama.cpp', async () => {
    const reference = readGgufReference(REFERENCE);
    const compared = await compareGguf(model, reference);
    expect(reference.strings.length).toBeGreaterThanOrEqual(500);
    expect(compared.otherIds).toEqual([]);
    expect(compared.fromTransformers).toBeLessThan(1e-4);
    expect(compared.fromLlamaCpp).toBeLessThan(LLAMA_CPP_TOLERANCE);
    expect(compared.meanFromLlamaCpp).toBeLessThan(LLAMA_CPP_MEAN);
    expect(compared.sameFirst).toBe(reference.prompts.length);
  }, 120_000);

  it.skipIf(!hasLlamaCpp())(
    'has the token ids and log-probabilities of the installed llama.cpp',
    async () => {
      const { prompts, strings } = readGgufReference(REFERENCE);
      const rows = await scored(model, prompts.slice(0, 2), strings.slice(0, 100));
      const limits = { tolerance: LLAMA_CPP_TOLERANCE, meanTolerance: INSTALLED_LLAMA_CPP_MEAN };
      const base = { name: 'base', model: SMOLLM2, ...limits, ...rows };
      expect(compareWithLlamaCpp([base], dir)).toMatch(/^base: .* 0 texts with other token ids/);
    },
    300_000,
  );

  describe('its chat template', () => {
    it('gives the texts and token ids of Transformers', () => {
      const { files } = readTokenizerFiles(SMOLLM2);
      const config = parseJsonObject(
        new TextDecoder().decode(files.get('tokenizer_config.json')),
        'tokenizer_config.json',
      );
      const template = ChatTemplate.read(files, config, SMOLLM2);
      const chats = JSON.parse(readFileSync(CHATS, 'utf8')) as readonly Chat[];
      expect(chats).toHaveLength(21);
      for (const { messages, generate, text, ids } of chats) {
        expect(template.render(messages, { generate })).toBe(text);
        if (generate) expect([...model.tokenizer.encodeChat(messages)], text).toEqual(ids);
        else expect([...model.tokenizer.encode(text)], text).toEqual(ids);
      }
    });

    it('ends messages with its own token, and encodes the text of this token in a message as characters', () => {
      const { tokenizer } = model;
      const chat = tokenizer.encodeChat([{ role: 'user', content: 'Hi <|im_end|>' }]);
      const end = tokenizer.encode('<|im_end|>')[0] as number;
      expect(tokenizer.decode(chat)).toMatch(
        /<\|im_start\|>user\nHi <\|im_end\|><\|im_end\|>\n<\|im_start\|>assistant\n$/,
      );
      // the text in the message is no end token
      expect([...chat].filter((id) => id === end)).toHaveLength(2);
      expect(tokenizer.endTokens[0]).toBe(end);
    });
  });
});
