import { describe, expect, it } from 'vitest';
import type { JsonObject } from './json-object.ts';
import { asTransformersLoads, specialTokensOf } from './tokenizer-json.ts';

const token = (content: string, flags: object = {}): JsonObject => ({
  ...{ content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  ...flags,
});
const json: JsonObject = {
  added_tokens: [{ id: 0, ...token('<s>') }],
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: true },
  model: { vocab: { '<s>': 0, '</s>': 1, a: 2 } },
};

describe('asTransformersLoads', () => {
  it('changes nothing without tokenizer_config.json', () => {
    expect(asTransformersLoads(json, {})).toBe(json);
  });

  it('adds the tokens of added_tokens_decoder that are missing, in the order of their ids', () => {
    const config = {
      add_prefix_space: true,
      added_tokens_decoder: {
        10: token('<b>', { lstrip: true }),
        9: { content: '<a>', special: false },
        0: token('<s>', { rstrip: true }),
      },
    };
    expect(asTransformersLoads(json, config)).toEqual({
      ...json,
      added_tokens: [
        { id: 0, ...token('<s>') },
        { id: 9, ...token('<a>', { normalized: true, special: false }) },
        { id: 10, ...token('<b>', { lstrip: true }) },
      ],
    });
  });

  it('adds named special tokens of the vocabulary, and no others', () => {
    const config = { add_prefix_space: true, eos_token: '</s>', pad_token: '<pad>', unk_token: null };
    expect(asTransformersLoads(json, config).added_tokens).toEqual([
      { id: 0, ...token('<s>') },
      { id: 1, ...token('</s>') },
    ]);
    const unigram = {
      ...json,
      model: {
        vocab: [
          ['x', 0],
          ['</s>', 0],
        ],
      },
    };
    expect(asTransformersLoads(unigram, config).added_tokens).toContainEqual({ id: 1, ...token('</s>') });
  });

  it('takes add_prefix_space from tokenizer_config.json', () => {
    expect(asTransformersLoads(json, { eos_token: '<s>' }).pre_tokenizer).toEqual({
      type: 'ByteLevel',
      add_prefix_space: false,
    });
    expect(asTransformersLoads(json, { add_prefix_space: true })).toBe(json);
  });
});

it('specialTokensOf lists single, additional and extra tokens', () => {
  expect(
    specialTokensOf({
      eos_token: { content: '</s>' },
      bos_token: '<s>',
      additional_special_tokens: ['<a>', { content: '<b>' }],
      extra_special_tokens: { image: '<i>' },
    }),
  ).toEqual(['<s>', '</s>', '<a>', '<b>', '<i>']);
});
