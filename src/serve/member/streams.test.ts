import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StopScan } from './stop-scan.ts';
import { TokenText } from './token-text.ts';

/** Shows everything a scan lets through. */
function scanned(pieces: readonly string[], stops: readonly string[]): { text: string; stopped: boolean } {
  const scan = new StopScan(stops);
  let text = '';
  for (const piece of pieces) {
    const next = scan.push(piece);
    text += next.text;
    if (next.stopped) return { text, stopped: true };
  }
  return { text: text + scan.end(), stopped: false };
}

describe('StopScan', () => {
  it('cuts before the first stop text, also across pieces', () => {
    expect(scanned(['ab', 'cS', 'TO', 'Pd'], ['STOP'])).toEqual({ text: 'abc', stopped: true });
    expect(scanned(['one.two;'], [';', '.'])).toEqual({ text: 'one', stopped: true });
  });

  it('holds back only what may become a stop text, and gives it out at the end', () => {
    const scan = new StopScan(['\n\n']);
    expect(scan.push('a\n')).toEqual({ text: 'a', stopped: false });
    expect(scan.push('b')).toEqual({ text: '\nb', stopped: false });
    expect(scan.push('\n')).toEqual({ text: '', stopped: false });
    expect(scan.end()).toBe('\n');
  });

  it('is the text up to the first match, however it is cut into pieces', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });
    const stop = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(letters), fc.array(stop, { maxLength: 3 }), (pieces, stops) => {
        const text = pieces.join('');
        // a stop that ends first may begin later than one that a longer look would find: any is right
        // as long as it is a match and nothing of any stop text was shown before it
        const { text: shown, stopped } = scanned(pieces, stops);
        expect(text.startsWith(shown)).toBe(true);
        expect(stops.some((one) => shown.includes(one))).toBe(false);
        if (stopped) expect(stops.some((one) => text.startsWith(shown + one))).toBe(true);
        else expect(shown).toBe(text);
      }),
    );
  });
});

describe('TokenText', () => {
  const bytes = new TextEncoder();
  const decoder = new TextDecoder();
  const decode = (tokens: readonly number[]): string => decoder.decode(Uint8Array.from(tokens));

  it('gives whole characters when their last byte comes', () => {
    const text = new TokenText(decode);
    expect([...bytes.encode('a\u00e9\u20ac')].map((byte) => text.push(byte))).toEqual([
      'a',
      '',
      '\u00e9',
      '',
      '',
      '\u20ac',
    ]);
  });

  it('gives out the text of all tokens, each once', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (whole) => {
        const text = new TokenText(decode);
        const pieces = [...bytes.encode(whole)].map((byte) => text.push(byte));
        expect(pieces.join('') + text.end()).toBe(whole);
      }),
    );
  });

  it('keeps characters that are long runs of bytes, where a run is whole or nothing', () => {
    // as vocabularies with byte fallback: letters are tokens, other characters bytes
    const read = (tokens: readonly number[]): string => {
      const strict = new TextDecoder('utf-8', { fatal: true });
      let text = '';
      let run: number[] = [];
      const close = (): void => {
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
          close();
          text += String.fromCharCode(token - 256);
        }
      }
      close();
      return text;
    };
    const letter = fc.constantFrom('a', ' ', '\u00e9', '\u4f60', '\u{1F600}', '\u{1F469}\u{200D}\u{1F680}');
    fc.assert(
      fc.property(fc.array(letter, { maxLength: 40 }), (letters) => {
        const whole = letters.join('');
        const tokens = letters.flatMap((one) =>
          one < '\u0080' ? [256 + one.charCodeAt(0)] : [...bytes.encode(one)],
        );
        const text = new TokenText(read);
        expect(tokens.map((token) => text.push(token)).join('') + text.end()).toBe(whole);
      }),
    );
  });

  it('shows the broken end of a message that was cut within a character', () => {
    const text = new TokenText(decode);
    expect(text.push(0xe2) + text.push(0x82) + text.end()).toBe('\uFFFD');
  });

  it('follows decoders whose text depends on the neighbours', () => {
    // as SentencePiece: the first token of a text loses its blank
    const words = ['_the', '_cat', 's', '_sat'];
    const read = (tokens: readonly number[]): string =>
      tokens
        .map((token) => words[token])
        .join('')
        .replaceAll('_', ' ')
        .replace(/^ /, '');
    const text = new TokenText(read);
    expect([0, 1, 2, 3].map((token) => text.push(token)).join('')).toBe('the cats sat');
  });
});
