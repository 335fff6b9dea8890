/**
 * The bytes that one token of a vocabulary stands for. A token can be a part of a character, which no text
 * can say: byte-level vocabularies spell bytes as letters, others have a token per byte beside their pieces.
 * @see Radford et al., "Language Models are Unsupervised Multitask Learners", 2019 (the letters of bytes)
 * @module
 */
import type { JsonObject } from './json-object.ts';

/** Bytes of a piece as the vocabulary spells it; undefined where it is plain text. */
export type PieceBytes = (piece: string) => Uint8Array | undefined;

/** @param json - a parsed `tokenizer.json`, whose decoder says how bytes are spelled */
export function pieceBytes(json: JsonObject): PieceBytes {
  const steps = decoderSteps(json.decoder);
  if (steps.includes('ByteLevel')) return bytesOfLetters;
  return steps.includes('ByteFallback') ? byteOfName : () => undefined;
}

/** Types of a decoder's steps, in order. */
function decoderSteps(decoder: unknown): string[] {
  if (typeof decoder !== 'object' || decoder === null) return [];
  const { type, decoders } = decoder as JsonObject;
  if (type === 'Sequence' && Array.isArray(decoders)) return decoders.flatMap(decoderSteps);
  return typeof type === 'string' ? [type] : [];
}

/** Printable bytes are letters as they are; the others take the letters from U+0100 on, in order. */
function byteLetters(): ReadonlyMap<string, number> {
  const letters = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 0x100; byte++) {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
    letters.set(String.fromCodePoint(isPrintable ? byte : next++), byte);
  }
  return letters;
}

const BYTE_OF_LETTER = byteLetters();

function bytesOfLetters(piece: string): Uint8Array | undefined {
  const bytes = Array.from(piece, (letter) => BYTE_OF_LETTER.get(letter));
  return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : undefined;
}

/** `<0xE2>` */
function byteOfName(piece: string): Uint8Array | undefined {
  const [, digits] = /^<0x([0-9A-F]{2})>$/.exec(piece) ?? [];
  return digits === undefined ? undefined : Uint8Array.of(Number.parseInt(digits, 16));
}
