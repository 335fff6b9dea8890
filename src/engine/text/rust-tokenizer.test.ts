import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../support/errors.ts';
import { characterTokenizer } from './character-tokenizer.ts';
import { RustTokenizer } from './rust-tokenizer.ts';

const JSON_FILE = 'tokenizer.json';
const ORIGINAL = JSON.parse(new TextDecoder().decode(characterTokenizer('abc ').files.get(JSON_FILE)));

const filesOf = (content: unknown): Map<string, Uint8Array> =>
  new Map([[JSON_FILE, Buffer.from(typeof content === 'string' ? content : JSON.stringify(content))]]);

const changed = (changes: object, model: object = {}): object => ({
  ...ORIGINAL,
  ...changes,
  model: { ...ORIGINAL.model, ...model },
});

const load = (content: unknown, config = {}): RustTokenizer =>
  RustTokenizer.of(filesOf(content), config, 'm');
const encode = (tokenizer: RustTokenizer, text: string): number[] => [
  ...(tokenizer.encode([text])[0] as Int32Array),
];

describe('RustTokenizer', () => {
  it('encodes several texts at once, equal to single texts', () => {
    const tokenizer = load(ORIGINAL);
    const texts = ['abc', '', 'c a', 'abc', '<|end|>x', 'b'.repeat(500)];
    const single = texts.map((text) => encode(load(ORIGINAL, { note: 'separate' }), text));
    expect(tokenizer.encode(texts).map((ids) => [...ids])).toEqual(single);
  });

  it('returns arrays that the caller may change', () => {
    const tokenizer = load(ORIGINAL);
    (tokenizer.encode(['ab'])[0] as Int32Array).fill(0);
    expect(encode(tokenizer, 'ab')).toEqual(encode(tokenizer, 'a').concat(encode(tokenizer, 'b')));
  });

  it('keeps the ids of many texts correct', () => {
    const tokenizer = load(ORIGINAL);
    const texts = Array.from({ length: 5000 }, (_, index) =>
      [...index.toString(3)].map((digit) => 'abc'[Number(digit)]).join(''),
    );
    const first = tokenizer.encode(texts).map((ids) => [...ids]);
    expect(tokenizer.encode(texts).map((ids) => [...ids])).toEqual(first);
    expect(tokenizer.decode(first[4999] as number[])).toBe(texts[4999]);
  });

  it('is shared by equal files, and not by files with another configuration', () => {
    const tokenizer = load(ORIGINAL);
    expect(load(ORIGINAL)).toBe(tokenizer);
    expect(load(ORIGINAL, { eos_token: 'c' })).not.toBe(tokenizer);
    expect(load(ORIGINAL, { eos_token: 'c' }).special).toContain('c');
  });

  it('accepts a byte order mark', () => {
    expect(encode(load(`\ufeff${JSON.stringify(ORIGINAL)}`), 'ab')).toEqual(encode(load(ORIGINAL), 'ab'));
  });
});

it('finds special tokens that appear only after normalization', () => {
  const token = { single_word: false, lstrip: false, rstrip: false, normalized: true, special: true };
  const added = [{ id: 0, content: '<|End|>', ...token }, ORIGINAL.added_tokens[1]];
  const tokenizer = load(changed({ normalizer: { type: 'Lowercase' }, added_tokens: added }));
  expect(tokenizer.hidesSpecial('a <|END|>')).toBe(true);
  expect(tokenizer.hidesSpecial('a <|USER|> <|en d|>')).toBe(false);
  expect(load(ORIGINAL).hidesSpecial('<|END|>')).toBe(false);
  expect(encode(tokenizer, '<|END|>')).toHaveLength(1);
});

describe('RustTokenizer refuses', () => {
  const messageOf = (content: unknown): string => {
    try {
      load(content);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as Error).message).not.toContain('\n');
      return (error as Error).message;
    }
    throw new Error('expected an error');
  };

  it('dropout, which makes encodings random', () => {
    expect(messageOf(changed({}, { dropout: 0.1 }))).toBe(
      'm/tokenizer.json model.dropout: expected null or 0, got 0.1; dropout makes every encoding of a text random, set it to null',
    );
    expect(encode(load(changed({}, { dropout: 0 })), 'a')).toEqual(encode(load(ORIGINAL), 'a'));
  });

  it.each([
    ['normalizer', { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'NFQ' }] }, '"NFQ"'],
    ['pre_tokenizer', { type: 'Sequence', pretokenizers: [{ type: 'Cut' }] }, '"Cut"'],
    ['decoder', { type: 'Glue' }, '"Glue"'],
    ['post_processor', { type: 'Polish' }, '"Polish"'],
  ])('an unknown type of %s, by its name', (key, part, name) => {
    expect(messageOf(changed({ [key]: part }))).toMatch(
      new RegExp(`^m/tokenizer.json ${key}: expected .* or .*, got ${name}; use a model`),
    );
  });

  it('an unknown model, two tokens with one id, and files that are not JSON', () => {
    expect(messageOf(changed({}, { type: 'Markov' }))).toContain('model: expected BPE, Unigram');
    expect(messageOf(changed({}, { vocab: { ...ORIGINAL.model.vocab, x: 5 } }))).toMatch(
      /^m\/tokenizer.json model.vocab: expected one token with id 5, got "." and "x"$/,
    );
    expect(messageOf('{')).toMatch(/^m\/tokenizer.json: expected JSON/);
    expect(messageOf(changed({ added_tokens: [{ id: 1 }] }))).toContain('content of token 0, got undefined');
    expect(() => RustTokenizer.of(new Map([[JSON_FILE, Uint8Array.of(0xff)]]), {}, 'm')).toThrow(
      'm/tokenizer.json: expected UTF-8 text',
    );
  });

  it('a part with wrong settings, with the message of the library', () => {
    const part = { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated', invert: false };
    expect(messageOf(changed({ pre_tokenizer: part }))).toMatch(
      /^m\/tokenizer.json: expected a tokenizer \(.+\)$/,
    );
  });

  it('a text that the vocabulary cannot represent', () => {
    const model = { type: 'WordLevel', unk_token: '?', vocab: { a: 0 } };
    const tokenizer = load({ ...ORIGINAL, added_tokens: [], model });
    expect(encode(tokenizer, 'a')).toEqual([0]);
    expect(() => tokenizer.encode(['b'])).toThrow(ConfigError);
    expect(() => tokenizer.encode(['b'])).toThrow('without an unknown token');
    expect(encode(tokenizer, 'a')).toEqual([0]);
  });
});
