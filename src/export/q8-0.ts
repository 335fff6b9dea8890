/**
 * Q8_0, ggml's 8-bit type: blocks of 32 numbers, each with a float16 scale d and 32 signed bytes q; value = d q.
 * @see https://github.com/ggml-org/llama.cpp, `quantize_row_q8_0_ref`, and `gguf.quants.Q8_0` of its Python package
 * @module
 */
import { fromFloat16, toFloat16 } from '../support/float16.ts';

/** Number of values of a block. */
export const Q8_0_BLOCK = 32;
/** Size of a block, bytes. */
export const Q8_0_BYTES = 2 + Q8_0_BLOCK;

/**
 * Quantizes values, with d = max |x| / 127 of the block and q = x / d rounded to the nearest integer, ties away from
 * zero.
 *
 * @param values - length divisible by 32
 * @returns the blocks, 34 bytes each
 */
export function quantizeQ8_0(values: Float32Array): Uint8Array<ArrayBuffer> {
  const blocks = values.length / Q8_0_BLOCK;
  if (!Number.isInteger(blocks))
    throw new RangeError(`expected a multiple of ${Q8_0_BLOCK} values, got ${values.length}`);
  const scales = new Float32Array(blocks);
  for (let b = 0; b < blocks; b++) {
    let most = 0;
    for (let i = b * Q8_0_BLOCK; i < (b + 1) * Q8_0_BLOCK; i++)
      most = Math.max(most, Math.abs(values[i] as number));
    scales[b] = most / 127;
  }
  const halves = toFloat16(scales);
  const bytes = new Uint8Array(blocks * Q8_0_BYTES);
  for (let b = 0; b < blocks; b++) {
    const at = b * Q8_0_BYTES;
    bytes[at] = (halves[b] as number) & 0xff;
    bytes[at + 1] = (halves[b] as number) >>> 8;
    // the reference multiplies by the float32 reciprocal of the scale before its rounding to float16
    const inverse = scales[b] === 0 ? 0 : Math.fround(1 / (scales[b] as number));
    for (let i = 0; i < Q8_0_BLOCK; i++) {
      const scaled = Math.fround((values[b * Q8_0_BLOCK + i] as number) * inverse);
      bytes[at + 2 + i] = Math.sign(scaled) * Math.round(Math.abs(scaled));
    }
  }
  return bytes;
}

/** @param bytes - blocks of 34 bytes */
export function dequantizeQ8_0(bytes: Uint8Array): Float32Array {
  const blocks = bytes.length / Q8_0_BYTES;
  const values = new Float32Array(blocks * Q8_0_BLOCK);
  for (let b = 0; b < blocks; b++) {
    const at = b * Q8_0_BYTES;
    const scale = fromFloat16((bytes[at] as number) | ((bytes[at + 1] as number) << 8));
    for (let i = 0; i < Q8_0_BLOCK; i++)
      values[b * Q8_0_BLOCK + i] = (((bytes[at + 2 + i] as number) << 24) >> 24) * scale;
  }
  return values;
}
