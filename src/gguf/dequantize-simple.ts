/**
 * Converts the simple tensor types of GGUF files to float32: 32-bit and 16-bit floats, and blocks of 32 integers with
 * one scale, or one scale and one minimum.
 *
 * Products of a half-precision scale and an integer of at most 8 bits are exact in float32, so the only rounding is
 * that of the stored sum, as in the reference.
 * @see gguf-py/gguf/quants.py
 * @module
 */
import { fromFloat16 } from '../support/float16.ts';

/** Values of all half-precision numbers by their bits; created at the first use. */
let halves: Float32Array | undefined;

function halfTable(): Float32Array {
  halves ??= Float32Array.from({ length: 65536 }, (_, bits) => fromFloat16(bits));
  return halves;
}

/** Returns a function that reads the half-precision number at a position of `blocks`. */
export function halfReader(blocks: Uint8Array): (at: number) => number {
  const table = halfTable();
  return (at) => table[(blocks[at] as number) | ((blocks[at + 1] as number) << 8)] as number;
}

export function convertF32(blocks: Uint8Array, target: Float32Array): void {
  new Uint8Array(target.buffer, target.byteOffset, blocks.length).set(blocks);
}

export function convertF16(blocks: Uint8Array, target: Float32Array): void {
  const half = halfReader(blocks);
  for (let i = 0; i < blocks.length / 2; i++) target[i] = half(2 * i);
}

export function convertBf16(blocks: Uint8Array, target: Float32Array): void {
  // bfloat16 is the upper half of a float32
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < blocks.length / 2; i++)
    bits[i] = ((blocks[2 * i] as number) | ((blocks[2 * i + 1] as number) << 8)) << 16;
}

/** Block: scale d (half), 16 bytes of 4-bit integers q. Value: d (q - 8). */
export function dequantizeQ4_0(blocks: Uint8Array, target: Float32Array): void {
  const half = halfReader(blocks);
  for (let at = 0, to = 0; at < blocks.length; at += 18, to += 32) {
    const d = half(at);
    for (let j = 0; j < 16; j++) {
      const byte = blocks[at + 2 + j] as number;
      target[to + j] = d * ((byte & 15) - 8);
      target[to + 16 + j] = d * ((byte >> 4) - 8);
    }
  }
}

/** Block: scale d and minimum m (half), 16 bytes of 4-bit integers q. Value: d q + m. */
export function dequantizeQ4_1(blocks: Uint8Array, target: Float32Array): void {
  const half = halfReader(blocks);
  for (let at = 0, to = 0; at < blocks.length; at += 20, to += 32) {
    const [d, m] = [half(at), half(at + 2)];
    for (let j = 0; j < 16; j++) {
      const byte = blocks[at + 4 + j] as number;
      target[to + j] = d * (byte & 15) + m;
      target[to + 16 + j] = d * (byte >> 4) + m;
    }
  }
}

/** Block: scale d (half), 32 fifth bits, 16 bytes of 4-bit integers; together q. Value: d (q - 16). */
export function dequantizeQ5_0(blocks: Uint8Array, target: Float32Array): void {
  const half = halfReader(blocks);
  for (let at = 0, to = 0; at < blocks.length; at += 22, to += 32) {
    const d = half(at);
    const high = fifthBits(blocks, at + 2);
    for (let j = 0; j < 16; j++) {
      const byte = blocks[at + 6 + j] as number;
      target[to + j] = d * (((byte & 15) | (((high >>> j) & 1) << 4)) - 16);
      target[to + 16 + j] = d * (((byte >> 4) | (((high >>> (j + 16)) & 1) << 4)) - 16);
    }
  }
}

/** Block: scale d and minimum m (half), 32 fifth bits, 16 bytes of 4-bit integers; together q. Value: d q + m. */
export function dequantizeQ5_1(blocks: Uint8Array, target: Float32Array): void {
  const half = halfReader(blocks);
  for (let at = 0, to = 0; at < blocks.length; at += 24, to += 32) {
    const [d, m] = [half(at), half(at + 2)];
    const high = fifthBits(blocks, at + 4);
    for (let j = 0; j < 16; j++) {
      const byte = blocks[at + 8 + j] as number;
      target[to + j] = d * ((byte & 15) | (((high >>> j) & 1) << 4)) + m;
      target[to + 16 + j] = d * ((byte >> 4) | (((high >>> (j + 16)) & 1) << 4)) + m;
    }
  }
}

function fifthBits(blocks: Uint8Array, at: number): number {
  const byte = (i: number): number => blocks[at + i] as number;
  return byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24);
}

/** Block: scale d (half), 32 signed bytes q. Value: d q. */
export function dequantizeQ8_0(blocks: Uint8Array, target: Float32Array): void {
  const half = halfReader(blocks);
  for (let at = 0, to = 0; at < blocks.length; at += 34, to += 32) {
    const d = half(at);
    for (let j = 0; j < 32; j++) target[to + j] = d * (((blocks[at + 2 + j] as number) << 24) >> 24);
  }
}
