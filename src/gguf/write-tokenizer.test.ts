import { describe, expect, it } from 'vitest';
import { TOKEN_TYPES } from './vocabulary.ts';
import { preTokenizerName } from './write-pre-tokenizer.ts';
import { tokenizerMetadata } from './write-tokenizer.ts';

const byteLevel = (use_regex: boolean): object => ({ type: 'ByteLevel', add_prefix_space: false, use_regex });
const split = (Regex: string, behavior = 'Isolated', invert = false): object => ({
  ...{ type: 'Split', pattern: { Regex }, behavior, invert },
});
const sequence = (...pretokenizers: object[]): object => ({ type: 'Sequence', pretokenizers });
const rest = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const words = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+`;

describe('the pre-tokenizer', () => {
  it.each<[string, object, boolean]>([
    ['gpt-2', byteLevel(true), false],
    ['smollm', sequence({ type: 'Digits', individual_digits: true }, byteLevel(true)), false],
    ['qwen2', sequence(split(String.raw`${words}|\p{N}|${rest}`), byteLevel(false)), false],
    ['llama-bpe', sequence(split(String.raw`${words}|\p{N}{1,3}|${rest}`), byteLevel(false)), true],
    ['smaug-bpe', sequence(split(String.raw`${words}|\p{N}{1,3}|${rest}`), byteLevel(false)), false],
    ['qwen2', sequence(split(String.raw`${words}|\p{N}|${rest}`, 'Removed', true), byteLevel(false)), false],
  ])('is named %s', (name, pre, ignoreMerges) => {
    expect(preTokenizerName(pre, ignoreMerges, 'tokenizer.json')).toBe(name);
  });

  it.each<[object | null, boolean, RegExp]>([
    [byteLevel(true), true, /ignore_merges true/],
    [sequence(split('x+'), byteLevel(false)), false, /got the pre-tokenizer \["x\+"\]/],
    [{ type: 'Whitespace' }, false, /a pre-tokenizer of type "Whitespace"/],
    [split('x', 'Contiguous'), false, /a Split pre-tokenizer with .*Contiguous/],
    [{ ...byteLevel(true), add_prefix_space: true }, false, /add_prefix_space/],
  ])('is refused: %j', (pre, ignoreMerges, line) => {
    expect(() => preTokenizerName(pre, ignoreMerges, 'tokenizer.json')).toThrow(line);
  });
});

/** SentencePiece vocabulary with the merges `a b`, `ab c` and `b c`. */
const PIECES = ['<unk>', '<s>', '</s>', '<0x0A>', '▁', 'a', 'b', 'c', 'ab', 'abc', 'bc', '<x>'];
function sentencePiece(changes: object = {}, merges = ['a b', 'ab c', 'a bc', 'b c']): Map<string, unknown> {
  const vocab = Object.fromEntries(PIECES.map((piece, id) => [piece, id]));
  const json = {
    normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    pre_tokenizer: null,
    added_tokens: [
      { id: 0, content: '<unk>', special: true },
      { id: 1, content: '<s>', special: true },
      { id: 2, content: '</s>', special: true },
      { id: 11, content: '<x>', special: false },
    ],
    model: { type: 'BPE', byte_fallback: true, unk_token: '<unk>', vocab, merges },
    ...changes,
  };
  const metadata = tokenizerMetadata({
    ...{ json, vocabSize: 13, begin: 1, end: [2, 11], padding: 0, addsBegin: true },
    ...{ chatTemplate: '{{ x }}', where: 'tokenizer.json' },
  });
  return new Map(
    metadata.map(([key, value]) => [
      key.replace('tokenizer.', ''),
      value.type === 'array' ? value.values : value.value,
    ]),
  );
}

describe('a SentencePiece tokenizer', () => {
  it('has a score per token in the order of its merges, types and special ids', () => {
    const metadata = sentencePiece();
    const { normal, unknown, control, userDefined, unused, byte } = TOKEN_TYPES;
    expect(metadata.get('ggml.model')).toBe('llama');
    expect(metadata.get('ggml.tokens')).toEqual([...PIECES, '[PAD12]']);
    const scores = metadata.get('ggml.scores') as number[];
    expect([8, 9, 10].map((id) => scores[id])).toEqual([-0, -1, -3]);
    expect(metadata.get('ggml.token_type')).toEqual([
      ...[unknown, control, control, byte, normal, normal, normal, normal, normal, normal, normal],
      ...[userDefined, unused],
    ]);
    expect([...metadata].filter(([key]) => /_id|add_|chat/.test(key))).toEqual([
      ['ggml.add_space_prefix', false],
      ['ggml.bos_token_id', 1],
      ['ggml.eos_token_id', 2],
      ['ggml.eot_token_id', 11],
      ['ggml.unknown_token_id', 0],
      ['ggml.padding_token_id', 0],
      ['ggml.add_bos_token', true],
      ['ggml.add_eos_token', false],
      ['chat_template', '{{ x }}'],
    ]);
  });

  it('adds a space before a text if its normalizer does', () => {
    const replace = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
    const normalizer = { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, replace] };
    expect(sentencePiece({ normalizer }).get('ggml.add_space_prefix')).toBe(true);
    const pre_tokenizer = { type: 'Metaspace', prepend_scheme: 'never' };
    const metaspace = sentencePiece({ normalizer: null, pre_tokenizer });
    expect(metaspace.get('ggml.add_space_prefix')).toBe(false);
  });

  it('gives merges a score that decreases with their order', () => {
    const scores = sentencePiece({}, ['a b', 'b c', 'ab c', 'a bc']).get('ggml.scores') as number[];
    // abc is the result of two merges, of which the first counts
    expect(['ab', 'bc', 'abc'].map((piece) => scores[PIECES.indexOf(piece)])).toEqual([-0, -1, -2]);
  });

  it('is refused if llama.cpp would merge otherwise', () => {
    expect(() => sentencePiece({}, ['ab c', 'a b', 'a bc', 'b c'])).toThrow(/not in the order of scores/);
    expect(() => sentencePiece({}, ['a b', 'ab c', 'b c'])).toThrow(
      /1 tokens that no merge makes, e\.g\. "abc"/,
    );
    expect(() => sentencePiece({ model: { type: 'Unigram' } })).toThrow(/a tokenizer of type "Unigram"/);
    expect(() => sentencePiece({ normalizer: { type: 'NFKC' } })).toThrow(/the normalizer .*NFKC/);
  });
});
