import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../support/errors.ts';
import type { ChatMessage } from '../engine.ts';
import { TINY_ALPHABET, tinyTokenizer } from '../onnx/testing/tiny-model.ts';
import { createTokenizer } from './tokenizer.ts';
import { readTokenizerFiles, type TokenizerFiles } from './tokenizer-files.ts';

const [END, USER, ASSISTANT, SYSTEM, UNKNOWN] = [0, 1, 2, 3, 4];
const tokenizer = createTokenizer(tinyTokenizer(), [END], { where: 'm' });
const id = (character: string): number => 5 + [...TINY_ALPHABET].sort().indexOf(character);
const ids = (text: string): number[] => [...text].map(id);

/** Returns the tiny tokenizer with some files replaced; undefined removes a file. */
function changed(changes: Readonly<Record<string, unknown>>): TokenizerFiles {
  const files = new Map(tinyTokenizer().files);
  for (const [name, value] of Object.entries(changes))
    if (value === undefined) files.delete(name);
    else files.set(name, new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value)));
  return { files };
}

const chat = (...messages: readonly ChatMessage[]): number[] => [...tokenizer.encodeChat(messages)];

describe('encode and decode', () => {
  it('are inverse functions on text of the alphabet', () => {
    const text = fc.string({ unit: fc.constantFrom(...TINY_ALPHABET), maxLength: 40 });
    fc.assert(
      fc.property(text, (input) => {
        const tokens = tokenizer.encode(input);
        expect([...tokens]).toEqual(ids(input));
        expect(tokenizer.decode(tokens)).toBe(input);
      }),
    );
  });

  it('are inverse functions on tokens, including special tokens', () => {
    const tokens = fc.array(fc.integer({ min: 1, max: tokenizer.vocabSize - 1 }), { maxLength: 20 });
    fc.assert(
      fc.property(tokens, (drawn) => {
        expect([...tokenizer.encode(tokenizer.decode(drawn))]).toEqual(drawn);
      }),
    );
  });

  it('encode every character outside the alphabet as the unknown token', () => {
    expect([...tokenizer.encode('aZ😀\n b')]).toEqual([id('a'), UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, id('b')]);
    expect([...tokenizer.encode('\ud800a')]).toEqual([UNKNOWN, id('a')]); // half of a surrogate pair
  });

  it('handle the empty text', () => {
    expect(tokenizer.encode('')).toEqual(new Int32Array());
    expect(tokenizer.decode([])).toBe('');
    expect(tokenizer.decode([END])).toBe('');
  });

  it('decode without the final end token, but with an end token inside the text', () => {
    expect(tokenizer.decode([id('a'), END])).toBe('a');
    expect(tokenizer.decode(Int32Array.of(id('a'), END, id('b')))).toBe('a<|end|>b');
  });

  it('skip ids that are rows of the embedding but not in the vocabulary', () => {
    expect(tokenizer.decode([id('a'), 99, id('b'), 1000])).toBe('ab');
    expect(tokenizer.decode([99])).toBe('');
  });
});

describe('encodeChat', () => {
  it('renders the template with the generation prompt', () => {
    expect(chat({ role: 'user', content: '1+2' })).toEqual([USER, ...ids('1+2'), ASSISTANT]);
    expect(
      chat(
        { role: 'system', content: 'c' },
        { role: 'user', content: 'ab' },
        { role: 'assistant', content: 'd' },
        { role: 'user', content: 'e' },
      ),
    ).toEqual([SYSTEM, id('c'), USER, ...ids('ab'), ASSISTANT, id('d'), END, USER, id('e'), ASSISTANT]);
    expect(chat()).toEqual([ASSISTANT]);
  });

  it('inserts sampled tokens unchanged and ignores the message text', () => {
    const tokens = Int32Array.of(USER, id('a'), UNKNOWN, ASSISTANT, 99);
    expect(chat({ role: 'assistant', content: 'ignored', tokens }, { role: 'user', content: 'b' })).toEqual([
      ...[ASSISTANT, ...tokens, END, USER, id('b'), ASSISTANT],
    ]);
  });

  it('ends an inserted message with one end token, whether it was finished or cut at maxTokens', () => {
    const closed = [ASSISTANT, id('a'), END, ASSISTANT];
    expect(chat({ role: 'assistant', content: '', tokens: Int32Array.of(id('a'), END) })).toEqual(closed);
    expect(chat({ role: 'assistant', content: '', tokens: Int32Array.of(id('a')) })).toEqual(closed);
    expect(chat({ role: 'assistant', content: '', tokens: new Int32Array() })).toEqual([
      ASSISTANT,
      END,
      ASSISTANT,
    ]);
    expect(chat({ role: 'assistant', content: '', tokens: Int32Array.of(END) })).toEqual([
      ASSISTANT,
      END,
      ASSISTANT,
    ]);
  });

  it('inserts several messages at their positions', () => {
    const spoken = (...tokens: number[]): ChatMessage => ({
      role: 'assistant',
      content: 'x',
      tokens: Int32Array.from(tokens),
    });
    const context = chat(spoken(6, END), { role: 'user', content: 'a' }, spoken(7, 8, END), spoken(9));
    expect(context).toEqual([
      ...[ASSISTANT, 6, END, USER, id('a'), ASSISTANT, 7, 8, END, ASSISTANT, 9, END, ASSISTANT],
    ]);
  });

  it('encodes text that becomes a special token by normalization as ordinary characters', () => {
    const json = JSON.parse(new TextDecoder().decode(tinyTokenizer().files.get('tokenizer.json')));
    const added = json.added_tokens.map((token: object) => ({ ...token, normalized: true }));
    const lower = createTokenizer(
      changed({ 'tokenizer.json': { ...json, normalizer: { type: 'Lowercase' }, added_tokens: added } }),
      [END],
      { where: 'm' },
    );
    expect([...lower.encode('<|USER|>')]).toEqual([USER]);
    const context = [...lower.encodeChat([{ role: 'user', content: 'a<|USER|>b' }])];
    expect(context.slice(0, 2)).toEqual([USER, id('a')]);
    expect(context.slice(2, -2)).not.toContain(USER);
    expect(context.slice(-2)).toEqual([id('b'), ASSISTANT]);
  });

  it('encodes special tokens in message text as ordinary characters', () => {
    const spelled = (text: string): number[] =>
      [...text].map((c) => (TINY_ALPHABET.includes(c) ? id(c) : UNKNOWN));
    for (const content of [
      'a<|end|>b',
      '<|user|>',
      '<|<|end|>end|>',
      '<|end|><|end|>1',
      'x<|system|>a<|assistant|>',
    ])
      expect(chat({ role: 'user', content })).toEqual([USER, ...spelled(content), ASSISTANT]);
    expect(chat({ role: 'assistant', content: 'a<|end|>' })).toEqual([
      ...[ASSISTANT, ...spelled('a<|end|>'), END, ASSISTANT],
    ]);
  });

  it('handles messages that contain the placeholder characters of the rendering', () => {
    const marks = '\ue000' + '0' + '\ue000\ue001';
    const tokens = Int32Array.of(id('a'), END);
    expect(chat({ role: 'assistant', content: '', tokens }, { role: 'user', content: marks })).toEqual([
      ...[ASSISTANT, id('a'), END, USER, UNKNOWN, id('0'), UNKNOWN, UNKNOWN, ASSISTANT],
    ]);
  });

  it('uses the template of tokenizer_config.json if there is no chat_template.jinja', () => {
    const template = '{% for m in messages %}{{ bos_token + m.content + eos_token }}{% endfor %}';
    const config = { bos_token: { content: '<|user|>' }, eos_token: '<|end|>' };
    for (const chat_template of [
      template,
      [
        { name: 'tool', template: 'x' },
        { name: 'default', template },
      ],
    ]) {
      const files = changed({
        'chat_template.jinja': undefined,
        'tokenizer_config.json': { ...config, chat_template },
      });
      expect([
        ...createTokenizer(files, [END], { where: 'm' }).encodeChat([{ role: 'user', content: 'a' }]),
      ]).toEqual([USER, id('a'), END, USER]); // the template ignores add_generation_prompt
    }
  });
});

describe('a byte-level vocabulary', () => {
  // in this vocabulary every byte is a token, "ab" is a merge, and <think> is an added token that is not
  // special
  const visible = [
    ...'!"#$%&\'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~ĠĊÃ©ł',
  ];
  const vocab = Object.fromEntries([...visible, 'ab'].map((token, index) => [token, index]));
  const next = Object.keys(vocab).length;
  const added = (content: string, offset: number, special: boolean) => ({
    ...{ id: next + offset, content, special },
    ...{ single_word: false, lstrip: false, rstrip: false, normalized: false },
  });
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
  const bytes = createTokenizer(
    changed({
      'tokenizer.json': {
        ...{
          normalizer: { type: 'NFC' },
          pre_tokenizer: byteLevel,
          post_processor: null,
          decoder: byteLevel,
        },
        added_tokens: [added('<|im_end|>', 0, true), added('<think>', 1, false)],
        model: { type: 'BPE', vocab, merges: [['a', 'b']] },
      },
      'tokenizer_config.json': { clean_up_tokenization_spaces: false },
      'chat_template.jinja': '{% for m in messages %}{{ m.content }}<|im_end|>\n{% endfor %}',
    }),
    [next],
    { where: 'm' },
  );

  it('keeps added tokens that are not special, and merges around escaped special tokens', () => {
    const newline = vocab.Ċ as number;
    const of = (text: string): number[] => [...bytes.encode(text)];
    expect(of('<think>ab')).toEqual([next + 1, vocab.ab]);
    expect([...bytes.encodeChat([{ role: 'user', content: '<think>ab<|im_end|>ab' }])]).toEqual([
      ...[next + 1, vocab.ab, ...[...'<|im_end|>'].flatMap(of), vocab.ab, next, newline],
    ]);
    expect(bytes.decode(of('ab é<think>'))).toBe('ab é<think>');
  });

  it('skips ids beyond the vocabulary, since it has no unknown token', () => {
    expect(bytes.vocabSize).toBe(next + 2);
    expect(bytes.decode([vocab.ab as number, next + 2, next + 50])).toBe('ab');
  });
});

describe('an invalid tokenizer is rejected with a one-line error', () => {
  const refusal = (changes: Readonly<Record<string, unknown>>): string => {
    try {
      createTokenizer(changed(changes), [END], { where: 'm' }).encodeChat([]);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      return (error as ConfigError).message;
    }
    throw new Error('expected the tokenizer to be refused');
  };

  it.each<[Readonly<Record<string, unknown>>, RegExp]>([
    [{ 'tokenizer.json': '{"version":' }, /^m\/tokenizer\.json: expected JSON \(/],
    [{ 'tokenizer.json': '[1]' }, /^m\/tokenizer\.json: expected a JSON object, got \[1\]$/],
    [{ 'tokenizer.json': {} }, /^m\/tokenizer\.json: expected a tokenizer \(/],
    [{ 'tokenizer_config.json': 'null' }, /^m\/tokenizer_config\.json: expected a JSON object, got null$/],
    [{ 'chat_template.jinja': '{% for %}' }, /^m chat template: expected a Jinja template \(/],
    [{ 'chat_template.jinja': undefined }, /^m: the model has no chat template; set chat_template to plain/],
  ])('%j', (changes, line) => {
    expect(refusal(changes)).toMatch(line);
    expect(refusal(changes)).not.toContain('\n');
  });

  it('reads the tokenizer files of a folder, and requires tokenizer.json', () => {
    const dir = fs.mkdtempSync(join(tmpdir(), 'troupe-tokenizer-'));
    try {
      expect(() => readTokenizerFiles(dir)).toThrow(`${dir}/tokenizer.json: the file is missing`);
      for (const name of ['tokenizer.json', 'generation_config.json', 'README.md'])
        fs.writeFileSync(join(dir, name), name);
      expect([...readTokenizerFiles(dir).files.keys()]).toEqual(['tokenizer.json', 'generation_config.json']);
    } finally {
      fs.rmSync(dir, { recursive: true });
    }
  });
});
