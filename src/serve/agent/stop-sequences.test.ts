import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StopSequenceScanner } from './stop-sequences.ts';

/** Returns all text that a scanner emits for the pieces. */
function scan(
  pieces: readonly string[],
  stops: readonly string[],
): { readonly text: string; readonly isStopped: boolean } {
  const scanner = new StopSequenceScanner(stops);
  let text = '';
  for (const piece of pieces) {
    const next = scanner.push(piece);
    text += next.text;
    if (next.isStopped) return { text, isStopped: true };
  }
  return { text: text + scanner.end(), isStopped: false };
}

describe('StopSequenceScanner', () => {
  it('cuts before the first stop sequence, which may span several pieces', () => {
    expect(scan(['ab', 'cS', 'TO', 'Pd'], ['STOP'])).toEqual({ text: 'abc', isStopped: true });
    expect(scan(['one.two;'], [';', '.'])).toEqual({ text: 'one', isStopped: true });
  });

  it('holds back only a possible beginning of a stop sequence, and returns it at the end', () => {
    const scanner = new StopSequenceScanner(['\n\n']);
    expect(scanner.push('a\n')).toEqual({ text: 'a', isStopped: false });
    expect(scanner.push('b')).toEqual({ text: '\nb', isStopped: false });
    expect(scanner.push('\n')).toEqual({ text: '', isStopped: false });
    expect(scanner.end()).toBe('\n');
  });

  it('returns the text before a match, for any split into pieces', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });
    const stop = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(letters), fc.array(stop, { maxLength: 3 }), (pieces, stops) => {
        const text = pieces.join('');
        // of two overlapping stop sequences, the one that is complete first may begin later; cutting at
        // either one is correct, as long as the emitted text contains no stop sequence
        const { text: emitted, isStopped } = scan(pieces, stops);
        expect(text.startsWith(emitted)).toBe(true);
        expect(stops.some((one) => emitted.includes(one))).toBe(false);
        if (isStopped) expect(stops.some((one) => text.startsWith(emitted + one))).toBe(true);
        else expect(emitted).toBe(text);
      }),
    );
  });
});
