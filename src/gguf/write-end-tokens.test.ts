import { describe, expect, it } from 'vitest';
import type { TypedValue } from './write-container.ts';
import { withEndTokens } from './write-end-tokens.ts';

const TOKENS = ['a', '<|im_end|>', '<x>', 'Ċ', 'ĊĊ', '<|endoftext|>', '<y>'];

function metadata(ids: Readonly<Record<string, number>>): Map<string, TypedValue> {
  return new Map<string, TypedValue>([
    ['tokenizer.ggml.model', { type: 'string', value: 'gpt2' }],
    ['tokenizer.ggml.tokens', { type: 'array', of: 'string', values: TOKENS }],
    ...Object.entries(ids).map(([key, value]): [string, TypedValue] => [
      `tokenizer.ggml.${key}_token_id`,
      { type: 'uint32', value },
    ]),
  ]);
}

describe('end tokens of a written file', () => {
  it('keep their keys if llama.cpp finds them all, by key or by text', () => {
    const given = metadata({ eos: 1, eot: 2 });
    expect(withEndTokens(given, [1, 2, 5])).toEqual({ metadata: given, dropped: [] });
  });

  it('replace keys of tokens that llama.cpp finds by their text', () => {
    const { metadata: written, dropped } = withEndTokens(metadata({ eos: 1, eot: 5 }), [1, 5, 2, 3]);
    expect(written).toEqual(metadata({ eos: 1, eot: 2, eom: 3 }));
    expect(dropped).toEqual([]);
  });

  it('without a key are dropped, the last ones first', () => {
    const { metadata: written, dropped } = withEndTokens(metadata({}), [6, 2, 3, 4]);
    expect(written).toEqual(metadata({ eos: 6, eot: 2, eom: 3 }));
    expect(dropped).toEqual([4]);
  });
});
