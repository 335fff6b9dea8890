/**
 * Conversion of the 16-bit float types of checkpoints to float32 and back. Node 20 has no `Float16Array`.
 * @module
 */

/** Names, as in safetensors, of the supported data types of weights on disk. */
export type FloatDtype = 'F32' | 'F16' | 'BF16';

/** Size of a number of each type, bytes. */
export const FLOAT_BYTES: Readonly<Record<FloatDtype, number>> = { F32: 4, F16: 2, BF16: 2 };

export function isFloatDtype(name: string): name is FloatDtype {
  return Object.hasOwn(FLOAT_BYTES, name);
}

/**
 * Converts little-endian numbers to float32, which represents all 16-bit values exactly.
 *
 * @param bytes - complete numbers, aligned to their size
 * @param target - filled from its start; at least as long as the number of values
 */
export function widenFloats(bytes: Uint8Array, dtype: FloatDtype, target: Float32Array): void {
  const { buffer, byteOffset, byteLength } = bytes;
  if (dtype === 'F32') {
    target.set(new Float32Array(buffer, byteOffset, byteLength / 4));
    return;
  }
  const halves = new Uint16Array(buffer, byteOffset, byteLength / 2);
  if (dtype === 'F16') {
    for (let i = 0; i < halves.length; i++) target[i] = fromFloat16(halves[i] as number);
    return;
  }
  // bfloat16 is the upper half of a float32
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] as number) << 16;
}

/** Returns the value of the half-precision number with the given bits. */
export function fromFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * Rounds each value to the nearest bfloat16, ties to even, like PyTorch; NaN stays NaN.
 *
 * @returns bits of the rounded numbers [values.length]
 */
export function toBfloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) {
    const word = bits[i] as number;
    const notANumber = (word & 0x7fffffff) > 0x7f800000;
    // the addition that rounds could turn a NaN into a number, so a NaN is truncated and its quiet bit is set
    halves[i] = notANumber ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return halves;
}

/**
 * Rounds each value to the nearest half-precision number, ties to even, like PyTorch; values beyond 65,504 become
 * infinite, NaN stays NaN.
 *
 * @returns bits of the rounded numbers [values.length]
 */
export function toFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) halves[i] = halfBits(bits[i] as number);
  return halves;
}

/** Returns the bits of the half-precision number nearest to the float32 number with the given bits. */
function halfBits(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65,520 and more round to infinity
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // below 2^-14 numbers are multiples of 2^-24; the shift of their fraction depends on the exponent
  const exponent = magnitude >>> 23;
  if (exponent < 113) {
    if (exponent < 102) return sign;
    const fraction = (magnitude & 0x7fffff) | 0x800000;
    const shift = 126 - exponent;
    return sign | roundedShift(fraction, shift);
  }
  // the exponent's bias changes from 127 to 15; a carry of the rounding moves into the exponent
  return sign | roundedShift(magnitude - (112 << 23), 13);
}

/** Returns value / 2^shift, rounded to the nearest integer, ties to even. */
function roundedShift(value: number, shift: number): number {
  const half = 1 << (shift - 1);
  const remainder = value & (2 * half - 1);
  const floor = value >>> shift;
  return floor + (remainder > half || (remainder === half && (floor & 1) === 1) ? 1 : 0);
}

/** Returns the bytes of the values in a 16- or 32-bit float type, little-endian. */
export function floatBytes(values: Float32Array, dtype: FloatDtype): Uint8Array {
  const stored = dtype === 'F32' ? values : dtype === 'BF16' ? toBfloat16(values) : toFloat16(values);
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}
