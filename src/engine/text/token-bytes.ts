/**
 * Computes the bytes of a single token. They can be a part of a character, so a token does not always have a
 * text. Byte-level vocabularies map every byte to a letter; vocabularies with byte fallback have one token
 * per byte.
 * @see Radford et al., "Language Models are Unsupervised Multitask Learners", 2019 (byte-level BPE)
 * @module
 */
import type { JsonObject } from './json-object.ts';

/** Maps a token's string in the vocabulary to its bytes; undefined if the string is plain text. */
export type PieceBytes = (piece: string) => Uint8Array | undefined;

/**
 * Chooses the byte mapping of a vocabulary by the decoder in `tokenizer.json`.
 *
 * @param json - the parsed `tokenizer.json`
 */
export function pieceBytes(json: JsonObject): PieceBytes {
  const steps = decoderSteps(json.decoder);
  if (steps.includes('ByteLevel')) return bytesOfLetters;
  return steps.includes('ByteFallback') ? byteOfName : () => undefined;
}

/** Returns the types of the steps of a decoder, in order. */
function decoderSteps(decoder: unknown): string[] {
  if (typeof decoder !== 'object' || decoder === null) return [];
  const { type, decoders } = decoder as JsonObject;
  if (type === 'Sequence' && Array.isArray(decoders)) return decoders.flatMap(decoderSteps);
  return typeof type === 'string' ? [type] : [];
}

/**
 * Returns GPT-2's mapping from letters to bytes: printable bytes are represented by their own characters, and
 * the other bytes, in order, by the characters from U+0100 on.
 */
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

/** Returns the byte of a byte-fallback token such as `<0xE2>`. */
function byteOfName(piece: string): Uint8Array | undefined {
  const [, digits] = /^<0x([0-9A-Fa-f]{2})>$/.exec(piece) ?? [];
  return digits === undefined ? undefined : Uint8Array.of(Number.parseInt(digits, 16));
}
