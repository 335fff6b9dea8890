import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTokenizer } from '../engine/text/tokenizer.ts';
import type { GgufValue } from './header-reader.ts';
import { Metadata } from './metadata.ts';
import { PRE_TOKENIZER_NAMES } from './pre-tokenizers.ts';
import { tokenizerJson } from './tokenizer-json.ts';
import { readVocabulary } from './vocabulary.ts';

interface Fixture {
  readonly strings: readonly string[];
  readonly gpt2: { readonly tokens: readonly string[]; readonly merges: readonly string[] };
  readonly llama: {
    readonly tokens: readonly string[];
    readonly scores: readonly number[];
    readonly types: readonly number[];
  };
  readonly ids: Readonly<Record<string, readonly (readonly number[])[]>>;
}

// ids of llama.cpp, written by conformance/write_gguf_fixtures.py
const fixture = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../test/fixtures/gguf/tokenizers.json'), 'utf8'),
) as Fixture;

function metadata(values: Readonly<Record<string, unknown>>): Metadata {
  const entries = Object.entries(values).map(([key, value]): [string, GgufValue] => [
    `tokenizer.ggml.${key}`,
    Array.isArray(value) ? { length: value.length, values: () => value } : (value as GgufValue),
  ]);
  return new Metadata({ path: 'a.gguf', metadata: new Map(entries) });
}

/** Metadata of a tokenizer in the fixture: `gpt2 PRE`, `llama` or `llama prefix`. */
function metadataOf(name: string, changes: Readonly<Record<string, unknown>> = {}): Metadata {
  const { tokens, merges } = fixture.gpt2;
  const types = tokens.map((_, id) => (id < tokens.length - 3 ? 1 : id === tokens.length - 1 ? 4 : 3));
  return name.startsWith('gpt2 ')
    ? metadata({ model: 'gpt2', pre: name.slice(5), tokens, merges, token_type: types, ...changes })
    : metadata({
        model: 'llama',
        pre: 'default',
        tokens: fixture.llama.tokens,
        scores: fixture.llama.scores,
        token_type: fixture.llama.types,
        add_space_prefix: name === 'llama prefix',
        ...changes,
      });
}

function jsonOf(data: Metadata) {
  return tokenizerJson(data, readVocabulary(data)).json;
}

describe('the tokenizer of a GGUF file', () => {
  it.each(Object.keys(fixture.ids))('%s gives the ids of llama.cpp', (name) => {
    const bytes = new TextEncoder().encode(JSON.stringify(jsonOf(metadataOf(name))));
    const tokenizer = createTokenizer({ files: new Map([['tokenizer.json', bytes]]) }, [0], { where: 'a' });
    const wrong = fixture.strings.filter(
      (text, i) => tokenizer.encode(text).join() !== fixture.ids[name]?.[i]?.join(),
    );
    expect(wrong).toEqual([]);
  });

  it('differs between pre-tokenizers', () => {
    const distinct = new Set(Object.values(fixture.ids).map((ids) => JSON.stringify(ids)));
    // llama-bpe, smaug-bpe and glm4 have one expression, but treat whole tokens differently
    expect(distinct.size).toBeGreaterThan(14);
    expect(PRE_TOKENIZER_NAMES.length).toBeGreaterThan(50);
  });

  it('is refused if its pre-tokenizer, kind, merges or scores are unknown', () => {
    expect(() => jsonOf(metadataOf('gpt2 kimi-k2'))).toThrow(
      /^a\.gguf tokenizer\.ggml\.pre: the pre-tokenizer "kimi-k2" is not supported; supported: default, gpt-2,/,
    );
    expect(() => jsonOf(metadataOf('llama', { model: 't5' }))).toThrow(
      'a.gguf tokenizer.ggml.model: expected llama (SentencePiece) or gpt2 (byte-level BPE), got "t5"',
    );
    expect(() => jsonOf(metadataOf('gpt2 qwen2', { merges: ['Q qqqq'] }))).toThrow(
      'a.gguf tokenizer.ggml.merges: expected two tokens whose concatenation is a token, got "Q qqqq"',
    );
    expect(() => jsonOf(metadataOf('llama', { scores: [1, 2] }))).toThrow(/scores: expected \d+ scores/);
    const damaged = fixture.llama.scores.map(() => Number.NaN);
    expect(() => jsonOf(metadataOf('llama', { scores: damaged }))).toThrow(
      /scores: expected numbers, got "NaN"/,
    );
    const { tokens, scores } = fixture.llama;
    expect(() => jsonOf(metadataOf('llama', { scores: scores.map(() => -1000) }))).toThrow(
      /scores: expected another score for each token of more than one character, got -1000 for/,
    );
    const unreachable = tokens.map((token, id) => (id === 300 ? 'q!w' : token));
    expect(() => jsonOf(metadataOf('llama', { tokens: unreachable }))).toThrow(
      /scores: expected two tokens whose concatenation is "q!w", got none/,
    );
    expect(() => jsonOf(metadataOf('llama', { tokens: ['a', 'b', 'a'] }))).toThrow(
      /tokens: expected different tokens, got "a" twice/,
    );
  });

  it('adds the begin token where the model was trained with it', () => {
    const begins = (data: Metadata) => tokenizerJson(data, readVocabulary(data)).addsBegin;
    expect(begins(metadataOf('llama'))).toBe(true);
    expect(begins(metadataOf('gpt2 llama-bpe'))).toBe(true);
    expect(begins(metadataOf('gpt2 qwen2'))).toBe(false);
    expect(begins(metadataOf('llama', { add_bos_token: false }))).toBe(false);
  });
});
