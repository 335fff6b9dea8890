/**
 * Conversion of float32 values to the tensor types that an export can write: F32, F16, BF16, and Q8_0, whose blocks are
 * 32 signed bytes q with a float16 scale d; value = d q.
 * @see llama.cpp, `quantize_row_q8_0_ref`; `gguf.quants.Q8_0` of its Python package
 * @module
 */
import { type FloatDtype, floatBytes, isFloatDtype, toFloat16 } from '../support/float16.ts';
import { tensorType } from './tensor-types.ts';

/** Type of the matrices of a written file. */
export type WrittenType = FloatDtype | 'Q8_0';

/** Numbers of the types in GGUF files. */
export const TYPE_IDS: Readonly<Record<WrittenType, number>> = { F32: 0, F16: 1, Q8_0: 8, BF16: 30 };

/** Values of `general.file_type`: most matrices have this type. */
export const FILE_TYPES: Readonly<Record<WrittenType, number>> = { F32: 0, F16: 1, Q8_0: 7, BF16: 32 };

const BLOCK = 32;
const BLOCK_BYTES = 2 + BLOCK;

/**
 * Returns the type of a tensor in a file whose matrices have type `type`. Vectors stay float32. Matrices whose rows do
 * not consist of whole blocks are float16 instead of Q8_0, as in llama.cpp.
 */
export function writtenType(shape: readonly number[], type: WrittenType): WrittenType {
  if (shape.length < 2) return 'F32';
  return type === 'Q8_0' && (shape.at(-1) ?? 0) % BLOCK !== 0 ? 'F16' : type;
}

/** Size of a tensor's data, bytes. */
export function writtenBytes(shape: readonly number[], type: WrittenType): number {
  const { blockLength = 1, blockBytes = 0 } = tensorType(TYPE_IDS[type]) ?? {};
  return (shape.reduce((product, size) => product * size, 1) / blockLength) * blockBytes;
}

/** Converts values to the bytes of a type. */
export function encodeValues(values: Float32Array, type: WrittenType): Uint8Array {
  return isFloatDtype(type) ? floatBytes(values, type) : quantizeQ8_0(values);
}

/** Returns the values as a reader of the file gets them. */
export function storedValues(values: Float32Array, type: WrittenType): Float32Array {
  if (type === 'F32') return values;
  const stored = new Float32Array(values.length);
  tensorType(TYPE_IDS[type])?.convert(encodeValues(values, type), stored);
  return stored;
}

/**
 * Quantizes values, with d = max |x| / 127 of the block and q = x / d rounded to the nearest integer, ties away from
 * zero.
 *
 * @param values - length divisible by 32
 */
function quantizeQ8_0(values: Float32Array): Uint8Array {
  const blocks = values.length / BLOCK;
  if (!Number.isInteger(blocks))
    throw new RangeError(`expected a multiple of ${BLOCK} values, got ${values.length}`);
  const scales = new Float32Array(blocks);
  for (let b = 0; b < blocks; b++) {
    let most = 0;
    for (let i = b * BLOCK; i < (b + 1) * BLOCK; i++) most = Math.max(most, Math.abs(values[i] as number));
    scales[b] = most / 127;
  }
  const halves = toFloat16(scales);
  const bytes = new Uint8Array(blocks * BLOCK_BYTES);
  for (let b = 0; b < blocks; b++) {
    const at = b * BLOCK_BYTES;
    bytes[at] = (halves[b] as number) & 0xff;
    bytes[at + 1] = (halves[b] as number) >>> 8;
    // the reference multiplies by the float32 reciprocal of the scale before the scale is rounded to float16
    const inverse = scales[b] === 0 ? 0 : Math.fround(1 / (scales[b] as number));
    for (let i = 0; i < BLOCK; i++) {
      const scaled = Math.fround((values[b * BLOCK + i] as number) * inverse);
      bytes[at + 2 + i] = Math.sign(scaled) * Math.round(Math.abs(scaled));
    }
  }
  return bytes;
}
