/**
 * Converts the K-quants of GGUF files to float32: superblocks of 256 integers in groups of 16 or 32, with a quantized
 * scale, or scale and minimum, per group.
 *
 * Products of the half-precision scale of a superblock, the integer scale of a group and an integer q are exact in
 * float64, and each stored value is rounded once. In the reference, only the product of the last two factors is
 * rounded, because the product of the scales is exact in float32; so both results are equal.
 * @see gguf-py/gguf/quants.py
 * @module
 */
import { halfReader } from './dequantize-simple.ts';

/** Number of values in a superblock. */
const LENGTH = 256;

/**
 * Superblock: 16 bytes with 4-bit scale and 4-bit minimum of each group of 16, 64 bytes of 2-bit integers q, d and
 * dmin (half). Value: d scale q - dmin minimum.
 */
export function dequantizeQ2K(blocks: Uint8Array, target: Float32Array): void {
  const half = halfReader(blocks);
  for (let at = 0, to = 0; at < blocks.length; at += 84, to += LENGTH) {
    const [d, dmin] = [half(at + 80), half(at + 82)];
    for (let group = 0; group < 16; group++) {
      const packed = blocks[at + group] as number;
      const [scale, minimum] = [d * (packed & 15), dmin * (packed >> 4)];
      const { bytes, shift } = twoBitGroup(group);
      for (let j = 0; j < 16; j++) {
        const q = ((blocks[at + 16 + bytes + j] as number) >> shift) & 3;
        target[to + 16 * group + j] = scale * q - minimum;
      }
    }
  }
}

/**
 * Superblock: 32 bytes of third bits, 64 bytes of 2-bit integers, 12 bytes with the 6-bit scales of the groups of 16,
 * d (half). Value: d (scale - 32) (q - 4), where q includes the third bit.
 */
export function dequantizeQ3K(blocks: Uint8Array, target: Float32Array): void {
  const half = halfReader(blocks);
  for (let at = 0, to = 0; at < blocks.length; at += 110, to += LENGTH) {
    const d = half(at + 108);
    for (let group = 0; group < 16; group++) {
      const low = (blocks[at + 96 + (group % 8)] as number) >> (group < 8 ? 0 : 4);
      const high = (blocks[at + 104 + (group % 4)] as number) >> (2 * Math.floor(group / 4));
      const scale = d * (((low & 15) | ((high & 3) << 4)) - 32);
      const { bytes, shift } = twoBitGroup(group);
      const bit = group >> 1;
      for (let j = 0; j < 16; j++) {
        const q = ((blocks[at + 32 + bytes + j] as number) >> shift) & 3;
        const third = ((blocks[at + 16 * (group & 1) + j] as number) >> bit) & 1;
        target[to + 16 * group + j] = scale * (q - (third === 1 ? 0 : 4));
      }
    }
  }
}

/**
 * Position of a group of 16 among 64 bytes of 2-bit integers. Each half of a superblock has 32 bytes; four groups of
 * 32 values share them, at different bits.
 */
function twoBitGroup(group: number): { readonly bytes: number; readonly shift: number } {
  const inHalf = group % 8;
  return { bytes: 32 * (group >> 3) + 16 * (inHalf & 1), shift: 2 * (inHalf >> 1) };
}

/**
 * Superblock: d and dmin (half), 12 bytes with 6-bit scales and minimums of the groups of 32, 128 bytes of 4-bit
 * integers q. Value: d scale q - dmin minimum.
 */
export function dequantizeQ4K(blocks: Uint8Array, target: Float32Array): void {
  const half = halfReader(blocks);
  for (let at = 0, to = 0; at < blocks.length; at += 144, to += LENGTH) {
    const [d, dmin] = [half(at), half(at + 2)];
    for (let group = 0; group < 8; group++) {
      const scale = d * sixBitScale(blocks, at + 4, group);
      const minimum = dmin * sixBitMinimum(blocks, at + 4, group);
      const from = at + 16 + 32 * (group >> 1);
      const shift = 4 * (group & 1);
      for (let j = 0; j < 32; j++) {
        const q = ((blocks[from + j] as number) >> shift) & 15;
        target[to + 32 * group + j] = scale * q - minimum;
      }
    }
  }
}

/** Superblock: as Q4_K, with 32 bytes of fifth bits before the 4-bit integers. */
export function dequantizeQ5K(blocks: Uint8Array, target: Float32Array): void {
  const half = halfReader(blocks);
  for (let at = 0, to = 0; at < blocks.length; at += 176, to += LENGTH) {
    const [d, dmin] = [half(at), half(at + 2)];
    for (let group = 0; group < 8; group++) {
      const scale = d * sixBitScale(blocks, at + 4, group);
      const minimum = dmin * sixBitMinimum(blocks, at + 4, group);
      const from = at + 48 + 32 * (group >> 1);
      const shift = 4 * (group & 1);
      for (let j = 0; j < 32; j++) {
        const fifth = ((blocks[at + 16 + j] as number) >> group) & 1;
        const q = (((blocks[from + j] as number) >> shift) & 15) | (fifth << 4);
        target[to + 32 * group + j] = scale * q - minimum;
      }
    }
  }
}

/** Scale of a group: bits 0 to 5 of byte `group`, or 4 bits of bytes 8 to 11 and the upper 2 bits of bytes 0 to 3. */
function sixBitScale(blocks: Uint8Array, at: number, group: number): number {
  if (group < 4) return (blocks[at + group] as number) & 63;
  const low = (blocks[at + 4 + group] as number) & 15;
  return low | (((blocks[at + group - 4] as number) >> 2) & 0x30);
}

/** Minimum of a group: like its scale, 4 bytes later, and the other 4 bits of bytes 8 to 11. */
function sixBitMinimum(blocks: Uint8Array, at: number, group: number): number {
  if (group < 4) return (blocks[at + 4 + group] as number) & 63;
  const low = (blocks[at + 4 + group] as number) >> 4;
  return low | (((blocks[at + group] as number) >> 2) & 0x30);
}

/**
 * Superblock: 128 bytes of 4-bit integers, 64 bytes with bits 5 and 6, 16 signed scales of the groups of 16, d
 * (half). Value: d scale (q - 32).
 */
export function dequantizeQ6K(blocks: Uint8Array, target: Float32Array): void {
  const half = halfReader(blocks);
  for (let at = 0, to = 0; at < blocks.length; at += 210, to += LENGTH) {
    const d = half(at + 208);
    for (let group = 0; group < 16; group++) {
      const scale = d * (((blocks[at + 192 + group] as number) << 24) >> 24);
      const inHalf = group % 8;
      const low = at + 64 * (group >> 3) + 16 * (inHalf & 3);
      const lowShift = inHalf < 4 ? 0 : 4;
      const high = at + 128 + 32 * (group >> 3) + 16 * (inHalf & 1);
      const highShift = 2 * (inHalf >> 1);
      for (let j = 0; j < 16; j++) {
        const lower = ((blocks[low + j] as number) >> lowShift) & 15;
        const upper = ((blocks[high + j] as number) >> highShift) & 3;
        target[to + 16 * group + j] = scale * ((lower | (upper << 4)) - 32);
      }
    }
  }
}
