import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IncrementalDetokenizer } from './incremental-detokenizer.ts';

describe('IncrementalDetokenizer', () => {
  const bytes = new TextEncoder();
  const decoder = new TextDecoder();
  const decode = (tokens: readonly number[]): string => decoder.decode(Uint8Array.from(tokens));

  it('returns a character when its last byte arrives', () => {
    const detokenizer = new IncrementalDetokenizer(decode);
    expect([...bytes.encode('a\u00e9\u20ac')].map((byte) => detokenizer.push(byte))).toEqual([
      'a',
      '',
      '\u00e9',
      '',
      '',
      '\u20ac',
    ]);
  });

  it('returns the text of all tokens, each part once', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const detokenizer = new IncrementalDetokenizer(decode);
        const pieces = [...bytes.encode(text)].map((byte) => detokenizer.push(byte));
        expect(pieces.join('') + detokenizer.end()).toBe(text);
      }),
    );
  });

  it('keeps characters of byte-fallback vocabularies, which decode a run of bytes as a whole or not at all', () => {
    // tokens with ids below 256 are bytes, the other tokens are letters
    const decodeWithFallback = (tokens: readonly number[]): string => {
      const strict = new TextDecoder('utf-8', { fatal: true });
      let text = '';
      let run: number[] = [];
      const endRun = (): void => {
        try {
          text += strict.decode(Uint8Array.from(run));
        } catch {
          text += '\uFFFD'.repeat(run.length);
        }
        run = [];
      };
      for (const token of tokens) {
        if (token < 256) run.push(token);
        else {
          endRun();
          text += String.fromCharCode(token - 256);
        }
      }
      endRun();
      return text;
    };
    const letter = fc.constantFrom('a', ' ', '\u00e9', '\u4f60', '\u{1F600}', '\u{1F469}\u{200D}\u{1F680}');
    fc.assert(
      fc.property(fc.array(letter, { maxLength: 40 }), (letters) => {
        const tokens = letters.flatMap((one) =>
          one < '\u0080' ? [256 + one.charCodeAt(0)] : [...bytes.encode(one)],
        );
        const detokenizer = new IncrementalDetokenizer(decodeWithFallback);
        const pieces = tokens.map((token) => detokenizer.push(token));
        expect(pieces.join('') + detokenizer.end()).toBe(letters.join(''));
      }),
    );
  });

  it('returns the incomplete character of a message that was cut within it', () => {
    const detokenizer = new IncrementalDetokenizer(decode);
    expect(detokenizer.push(0xe2) + detokenizer.push(0x82) + detokenizer.end()).toBe('\uFFFD');
  });

  it('supports decoders whose text of a token depends on its neighbours', () => {
    // the decoder drops the blank before the first token, as SentencePiece does
    const pieces = ['_the', '_cat', 's', '_sat'];
    const decodePieces = (tokens: readonly number[]): string =>
      tokens
        .map((token) => pieces[token])
        .join('')
        .replaceAll('_', ' ')
        .replace(/^ /, '');
    const detokenizer = new IncrementalDetokenizer(decodePieces);
    expect([0, 1, 2, 3].map((token) => detokenizer.push(token)).join('')).toBe('the cats sat');
  });
});
