/**
 * Tests that sampled tokens stay unchanged in later chats, with the templates and tokenizers of real model
 * families (conformance/chat).
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ChatMessage } from '../engine.ts';
import { stopTokens } from './stop-tokens.ts';
import { createTokenizer } from './tokenizer.ts';
import { readTokenizerFiles, type TokenizerFiles } from './tokenizer-files.ts';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/chat', import.meta.url));
const filesOf = (family: string): TokenizerFiles => readTokenizerFiles(join(FIXTURES, family));
const open = (family: string, ends: readonly number[] = []) =>
  createTokenizer(filesOf(family), ends, { where: family });

const asked: ChatMessage = { role: 'user', content: 'Add 17 and 25.' };
const next: ChatMessage = { role: 'user', content: 'And now?' };
/**
 * Pieces of a sampled message: leading spaces, a reasoning block, and a segmentation that the tokenizer
 * itself would not produce.
 */
const SAID = ['  ', '<think>\nhm\n</think>\n\n', 'T', 'he', ' answer', ' is', ' 4', '2', '.\n\n'];

describe.each(['qwen3', 'qwen2_5', 'llama3', 'gemma3', 'smollm2', 'smollm3', 'mistral'])('%s', (family) => {
  const tokenizer = open(family);
  const sampled = Int32Array.from(SAID.flatMap((piece) => [...tokenizer.encode(piece)]));

  it('continues the context of the sampled message with exactly the sampled ids', () => {
    const first = tokenizer.encodeChat([asked]);
    const own: ChatMessage = { role: 'assistant', content: 'not looked at', tokens: sampled };
    const later = tokenizer.encodeChat([asked, own, next]);
    // Mistral's template inserts a space between the generation prompt and the answer
    const at = family === 'mistral' ? first.length + 1 : first.length;
    expect(later.subarray(0, first.length)).toEqual(first);
    expect(later.subarray(at, at + sampled.length)).toEqual(sampled);
    const plain = tokenizer.encodeChat([asked, { role: 'assistant', content: 'x' }, next]);
    const rest = later.length - at - sampled.length;
    expect(later.subarray(-rest)).toEqual(plain.subarray(-rest));
  });
});

describe('thinking', () => {
  const tokenizer = open('qwen3');
  const own: ChatMessage = {
    role: 'assistant',
    content: '',
    tokens: tokenizer.encode('<think>\na\n</think>\n\nb'),
  };

  it('that the template would insert before a sampled message is left out', () => {
    const context = tokenizer.encodeChat([asked, own]);
    const first = tokenizer.encodeChat([asked]);
    expect(context.subarray(0, first.length)).toEqual(first);
    expect(context.subarray(first.length, first.length + own.tokens!.length)).toEqual(own.tokens);
  });

  it('in messages given as text is removed by the template', () => {
    const text: ChatMessage = { role: 'assistant', content: '<think>\na\n</think>\n\nb' };
    expect(tokenizer.decode(tokenizer.encodeChat([asked, text, next]))).not.toContain('<think>');
  });

  it('is switched by options of the model and of the chat', () => {
    const where = 'qwen3';
    const off = createTokenizer(filesOf(where), [], { where, kwargs: { enable_thinking: false } });
    const block = '<think>\n\n</think>\n\n';
    expect(off.decode(off.encodeChat([asked])).endsWith(block)).toBe(true);
    const kwargs = { enable_thinking: true };
    expect(off.encodeChat([asked], { kwargs })).toEqual(tokenizer.encodeChat([asked]));
  });
});

describe('end tokens', () => {
  const withGeneration = (value: unknown): TokenizerFiles => {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    return { files: new Map([...filesOf('llama3').files, ['generation_config.json', bytes]]) };
  };
  const options = { vocabSize: 800, where: 'm' };

  it('are those of generation_config.json, else of config.json, else of tokenizer_config.json', () => {
    expect(stopTokens(withGeneration({ eos_token_id: [5, 7, 5] }), [9], options)).toEqual([5, 7]);
    expect(stopTokens(withGeneration({ eos_token_id: 6 }), [9], options)).toEqual([6]);
    expect(stopTokens(withGeneration({}), [9], options)).toEqual([9]);
    const [eos] = open('llama3').encode('<|eot_id|>');
    expect(stopTokens(withGeneration({}), [], options)).toEqual([eos]);
    expect(stopTokens(withGeneration({ eos_token_id: [] }), [9], options)).toEqual([9]);
    expect(stopTokens(withGeneration({ eos_token_id: [-1] }), [9], options)).toEqual([9]);
    expect(() => stopTokens(withGeneration({}), [], { ...options, vocabSize: 9 })).toThrow(
      'm: expected an eos_token_id of a token in config.json',
    );
    expect(() => stopTokens(withGeneration({ eos_token_id: [800] }), [9], options)).toThrow(
      'm/generation_config.json eos_token_id: expected token ids from 0 to 799, got [800]',
    );
  });

  it('begin with the token with which the template ends a message', () => {
    const plain = open('llama3');
    const [endOfText] = plain.encode('<|end_of_text|>');
    const [endOfTurn] = plain.encode('<|eot_id|>');
    const tokenizer = open('llama3', [endOfText!, endOfTurn!]);
    expect(tokenizer.endTokens).toEqual([endOfTurn, endOfText]);
  });
});
