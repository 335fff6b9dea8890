import { describe, expect, it } from 'vitest';
import { tinyTokenizer } from '../onnx/testing/tiny-model.ts';
import { withChatTemplate } from './chat-template-setting.ts';
import { checkpointTokenizer } from './checkpoint-text.ts';
import type { TokenizerFiles } from './tokenizer-files.ts';

const OPTIONS = { where: 'm', endTokens: [0] };
const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const textOf = ({ files }: TokenizerFiles, name: string): string => new TextDecoder().decode(files.get(name));

/** A character tokenizer with the vocabulary of `plain`, in a vocabulary of the given pieces. */
function baseFiles(changes: Readonly<Record<string, unknown>> = {}): TokenizerFiles {
  const pieces = [...new Set('Question: Answer:1+2=3s\n')];
  const vocab = Object.fromEntries(['<eos>', '<bos>', ...pieces, '\n\n'].map((piece, id) => [piece, id]));
  const special = (content: string, id: number) => ({
    ...{ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
  });
  const tokenizer = {
    added_tokens: [special('<eos>', 0), special('<bos>', 1)],
    normalizer: null,
    pre_tokenizer: null,
    decoder: { type: 'Fuse' },
    post_processor: null,
    model: { type: 'BPE', vocab, merges: [['\n', '\n']], byte_fallback: false, fuse_unk: false },
  };
  return {
    files: new Map([
      ['tokenizer.json', bytes({ ...tokenizer, ...changes })],
      ['tokenizer_config.json', bytes({ bos_token: '<bos>', eos_token: '<eos>' })],
    ]),
  };
}

const open = (files: TokenizerFiles, chatTemplate?: string) =>
  checkpointTokenizer(files, {
    ...{ dir: 'm', vocabSize: 100, endTokens: [0] },
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
  });

describe('chat_template: plain', () => {
  const conversation = [
    { role: 'system', content: 's' },
    { role: 'user', content: '1+1' },
    { role: 'assistant', content: '2' },
    { role: 'user', content: '1+2' },
  ] as const;

  it('renders questions and answers', () => {
    const tokenizer = open(baseFiles(), 'plain');
    expect(tokenizer.decode(tokenizer.encodeChat(conversation))).toBe(
      's\n\nQuestion: 1+1\nAnswer: 2\n\nQuestion: 1+2\nAnswer:',
    );
  });

  it('ends a message at a line break', () => {
    const tokenizer = open(baseFiles(), 'plain');
    const [line, blank] = [tokenizer.encode('\n')[0], tokenizer.encode('\n\n')[0]];
    expect([...tokenizer.endTokens].sort()).toEqual([0, line, blank].sort());
    expect(tokenizer.decode([...tokenizer.encode(' 3'), line as number])).toBe(' 3');
  });

  it('inserts sampled tokens directly after the generation prompt, also in later contexts', () => {
    const tokenizer = open(baseFiles(), 'plain');
    const tokens = tokenizer.encode('3\n');
    const first = tokenizer.encodeChat([conversation[1]]);
    const later = tokenizer.encodeChat([conversation[1], { role: 'assistant', content: 'x', tokens }]);
    expect(tokenizer.decode(later)).toBe('Question: 1+1\nAnswer:3\n\nAnswer:');
    expect(later.subarray(0, first.length)).toEqual(first);
  });

  it('begins with the token for the beginning of a text if the tokenizer adds it', () => {
    const single = [{ SpecialToken: { id: '<bos>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }];
    const template = { type: 'TemplateProcessing', single, pair: [], special_tokens: {} };
    for (const post_processor of [template, { type: 'Sequence', processors: [template] }])
      expect(
        textOf(withChatTemplate(baseFiles({ post_processor }), 'plain', OPTIONS), 'chat_template.jinja'),
      ).toMatch(/^\{\{- bos_token -\}\}\{%- for/);
    expect(textOf(withChatTemplate(baseFiles(), 'plain', OPTIONS), 'chat_template.jinja')).toMatch(
      /^\{%- for/,
    );
    const off = new Map(baseFiles({ post_processor: template }).files);
    off.set('tokenizer_config.json', bytes({ bos_token: '<bos>', add_bos_token: false }));
    expect(textOf(withChatTemplate({ files: off }, 'plain', OPTIONS), 'chat_template.jinja')).toMatch(
      /^\{%- for/,
    );
  });

  it('finds line breaks in byte-level, Unigram and byte-fallback vocabularies', () => {
    const ends = (model: object, changes: object = {}): unknown =>
      JSON.parse(
        textOf(
          withChatTemplate(baseFiles({ model, ...changes }), 'plain', OPTIONS),
          'generation_config.json',
        ),
      ).eos_token_id;
    const byteLevel = { decoder: { type: 'ByteLevel' } };
    expect(ends({ type: 'BPE', vocab: { a: 0, Ċ: 5, ĊĊ: 6, ĠĊ: 7 } }, byteLevel)).toEqual([0, 5, 6]);
    expect(ends({ type: 'BPE', vocab: { a: 0, Ċ: 5, '\n': 6 } })).toEqual([0, 6]); // Ċ is a letter
    const unigram = {
      type: 'Unigram',
      vocab: [
        ['a', -1],
        ['\n', -2],
        ['<0x0A>', -3],
      ],
    };
    const byteFallback = {
      decoder: { type: 'Sequence', decoders: [{ type: 'ByteFallback' }, { type: 'Fuse' }] },
    };
    expect(ends(unigram, byteFallback)).toEqual([0, 1, 2]);
    expect(ends(unigram)).toEqual([0, 1]); // <0x0A> is six characters
  });

  it('gives the same files when it is applied to saved files again', () => {
    const once = withChatTemplate(baseFiles(), 'plain', OPTIONS);
    expect(withChatTemplate(once, 'plain', OPTIONS)).toEqual(once);
  });
});

describe('a template in the setting', () => {
  it('replaces all templates of the files and keeps the end tokens', () => {
    const files = new Map([
      ...baseFiles().files,
      ['chat_template.json', bytes({ chat_template: 'x' })],
      ['additional_chat_templates/tool_use.jinja', bytes('y')],
    ] as const);
    const made = withChatTemplate({ files }, '{{ messages[0].content }}', OPTIONS);
    expect([...made.files.keys()]).toEqual([
      'tokenizer.json',
      'tokenizer_config.json',
      'chat_template.jinja',
    ]);
    const tokenizer = open({ files }, '{{ messages[0].content }}{% if add_generation_prompt %}={% endif %}');
    expect(tokenizer.decode(tokenizer.encodeChat([{ role: 'user', content: '1+1' }]))).toBe('1+1=');
    expect(tokenizer.endTokens).toEqual([0]);
  });
});

describe('the templates of a checkpoint', () => {
  const ask = (files: ReadonlyMap<string, Uint8Array>, tools?: readonly unknown[]): string => {
    const tokenizer = open({ files });
    return tokenizer.decode(tokenizer.encodeChat([{ role: 'user', content: '1' }], tools && { tools }));
  };
  const template = (text: string) => `${text}{% for m in messages %}{{ m.content }}{% endfor %}`;
  const jinja = (text: string) => bytes(template(text));

  it('come from chat_template.json if no other file has one', () => {
    const json = ['chat_template.json', bytes({ chat_template: template('=') })] as const;
    expect(ask(new Map([...baseFiles().files, json]))).toBe('=1');
    expect(ask(new Map([...baseFiles().files, json, ['chat_template.jinja', jinja('+')]]))).toBe('+1');
  });

  it('can be named, in a folder of their own', () => {
    const files = new Map([
      ...baseFiles().files,
      ['chat_template.jinja', jinja('+')],
      ['additional_chat_templates/tool_use.jinja', jinja('=')],
    ] as const);
    expect(ask(files)).toBe('+1');
    expect(ask(files, [])).toBe('=1');
  });

  it('are missing if the default one has no text or no name', () => {
    const missing = (name: string, value: unknown): (() => string) => {
      const files = new Map([...baseFiles().files, [name, bytes(value)] as const]);
      return () => ask(files);
    };
    expect(missing('chat_template.jinja', ' \n')).toThrow(
      'm: the model has no chat template; set chat_template',
    );
    const rag = { chat_template: [{ name: 'rag', template: 'x' }] };
    expect(missing('tokenizer_config.json', rag)).toThrow(
      'm: the model has no default chat template, only rag;',
    );
  });

  it('are unchanged without the setting', () => {
    const { files } = tinyTokenizer();
    expect(withChatTemplate({ files }, undefined, OPTIONS).files).toBe(files);
  });
});
