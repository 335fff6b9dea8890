import { describe, expect, it } from 'vitest';
import { characterTokenizer, END_TOKEN } from './character-tokenizer.ts';
import { createTokenizer } from './tokenizer.ts';

const text = (files: ReadonlyMap<string, Uint8Array>, name: string): string =>
  new TextDecoder().decode(files.get(name));

describe('characterTokenizer', () => {
  it('assigns the first ids to the special tokens and the next ones to the sorted characters', () => {
    const { files, vocabSize } = characterTokenizer('b 2\na2');
    const { model, added_tokens } = JSON.parse(text(files, 'tokenizer.json'));
    expect(model.vocab).toEqual({
      '<|end|>': END_TOKEN,
      '<|user|>': 1,
      '<|assistant|>': 2,
      '<|system|>': 3,
      '<|unknown|>': 4,
      '\n': 5,
      ' ': 6,
      '2': 7,
      a: 8,
      b: 9,
    });
    expect(vocabSize).toBe(10);
    expect(added_tokens.map(({ id, special }: { id: number; special: boolean }) => [id, special])).toEqual(
      [0, 1, 2, 3, 4].map((id) => [id, true]),
    );
  });

  it('depends only on the set of characters', () => {
    expect(characterTokenizer('cabbage')).toEqual(characterTokenizer('gecab'));
  });

  it('makes one token of a character of two UTF-16 code units', () => {
    const { vocabSize, ...files } = characterTokenizer('😀é');
    const tokenizer = createTokenizer(files, [END_TOKEN], { where: 'here' });
    expect(vocabSize).toBe(7);
    expect([...tokenizer.encode('é😀é')]).toEqual([5, 6, 5]);
    expect(tokenizer.decode([6, 5])).toBe('😀é');
  });

  it('accepts an empty alphabet', () => {
    expect(characterTokenizer('').vocabSize).toBe(5);
  });

  it('writes the chat template on one line', () => {
    expect(text(characterTokenizer('a').files, 'chat_template.jinja')).toBe(
      "{%- for message in messages -%}{{- '<|' + message.role + '|>' + message.content -}}" +
        "{%- if message.role == 'assistant' -%}{{- '<|end|>' -}}{%- endif -%}{%- endfor -%}" +
        "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}\n",
    );
  });
});
