import { join } from 'node:path';
import { expect, it } from 'vitest';
import { endOfGeneration } from './end-tokens.ts';
import type { GgufValue } from './header-reader.ts';
import { Metadata } from './metadata.ts';
import { filesOf, ggufTokenizerFiles } from './tokenizer-files.ts';

const list = (values: readonly (string | number)[]): GgufValue => ({
  length: values.length,
  values: () => values,
});

function metadata(changes: Readonly<Record<string, GgufValue>>): Metadata {
  const values = {
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'qwen2',
    'tokenizer.ggml.merges': list(['a b']),
    'tokenizer.ggml.tokens': list(['a', 'b', 'ab', '<|im_end|>', '<|endoftext|>', '</s>', '<|fim_pad|>']),
    'tokenizer.ggml.eos_token_id': 4,
    ...changes,
  };
  return new Metadata({ path: 'a.gguf', metadata: new Map(Object.entries(values)) });
}

function json(files: ReadonlyMap<string, Uint8Array>, name: string): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(files.get(name))) as Record<string, unknown>;
}

it('makes the files of a folder once', () => {
  const path = join(import.meta.dirname, '../../test/fixtures/gguf/qwen3.gguf');
  const files = ggufTokenizerFiles(path);
  expect([...files.keys()]).toEqual(['tokenizer.json', 'tokenizer_config.json', 'generation_config.json']);
  expect(json(files, 'tokenizer_config.json')).toMatchObject({ bos_token: '<s>', eos_token: '<eos>' });
  expect(ggufTokenizerFiles(path)).toBe(files);
});

it('takes the chat template from the file, or several by name', () => {
  const one = filesOf(metadata({ 'tokenizer.chat_template': '{{ messages }}' }));
  expect(new TextDecoder().decode(one.get('chat_template.jinja'))).toBe('{{ messages }}');
  const two = filesOf(
    metadata({
      'tokenizer.chat_template': 'a',
      'tokenizer.chat_templates': list(['tool_use']),
      'tokenizer.chat_template.tool_use': 'b',
    }),
  );
  expect(two.has('chat_template.jinja')).toBe(false);
  expect(json(two, 'tokenizer_config.json').chat_template).toEqual([
    { name: 'default', template: 'a' },
    { name: 'tool_use', template: 'b' },
  ]);
});

it('has the end tokens of llama.cpp: those of the keys, and those with known texts', () => {
  expect(endOfGeneration(metadata({}))).toEqual([4, 6, 3, 5]);
  expect(endOfGeneration(metadata({ 'tokenizer.ggml.eos_token_id': 99 }))).toEqual([6, 3, 4, 5]);
  expect(endOfGeneration(metadata({ 'tokenizer.ggml.eot_token_id': 1 }))).toEqual([4, 1, 6, 3, 5]);
  const harmony = ['<|return|>', '<|call|>', '<|end|>'];
  const of = (tokens: readonly string[]) =>
    endOfGeneration(metadata({ 'tokenizer.ggml.tokens': list(tokens), 'tokenizer.ggml.eos_token_id': 0 }));
  expect(of(harmony)).toEqual([0, 1]);
  expect(of(['<|im_end|>', '<|end|>'])).toEqual([0, 1]);
});
