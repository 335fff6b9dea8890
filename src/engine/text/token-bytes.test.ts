import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pieceBytes } from './token-bytes.ts';
import { createTokenizer } from './tokenizer.ts';
import { readTokenizerFiles } from './tokenizer-files.ts';

const CHATS = 'test/fixtures/chat';
const text = 'Größe漢字😀\t≤';

describe.each(['qwen2_5', 'llama3', 'smollm3', 'gemma3', 'mistral'])('the vocabulary of %s', (family) => {
  const tokenizer = createTokenizer(readTokenizerFiles(`${CHATS}/${family}`), [], { where: family });
  const tokens = [...tokenizer.encode(text)];

  it('has tokens that are parts of characters; concatenated bytes are the text', () => {
    let parts = 0;
    const bytes = tokens.flatMap((token) => {
      const own = tokenizer.decode([token]);
      const isPart = own.includes('\uFFFD');
      if (isPart) parts++;
      return [...(isPart ? (tokenizer.bytesOf(token) ?? []) : Buffer.from(own))];
    });
    expect(parts).toBeGreaterThan(4);
    expect(Buffer.from(bytes).toString().trimStart()).toBe(text);
  });

  it('represents all 256 bytes', () => {
    const bytes = Array.from({ length: tokenizer.vocabSize }, (_, token) => tokenizer.bytesOf(token));
    const single = bytes.flatMap((own) => (own?.length === 1 ? [own[0]] : []));
    expect(new Set(single).size).toBe(256);
  });

  it('has no bytes for special tokens and unknown ids', () => {
    const json = JSON.parse(readFileSync(`${CHATS}/${family}/tokenizer.json`, 'utf8'));
    for (const { id } of json.added_tokens) expect(tokenizer.bytesOf(id)).toBeUndefined();
    expect(tokenizer.bytesOf(tokenizer.vocabSize)).toBeUndefined();
  });
});

it('has no bytes for vocabularies that are not byte-level and have no byte fallback', () => {
  for (const decoder of [null, undefined, { type: 'Fuse' }, { type: 'WordPiece' }])
    expect(pieceBytes({ decoder })('<0xE2>')).toBeUndefined();
});
