/**
 * Rounding of weights to the types of exported files.
 * @module
 */
import { type FloatDtype, floatBytes, isFloatDtype, widenFloats } from '../support/float16.ts';
import { dequantizeQ8_0, quantizeQ8_0 } from './q8-0.ts';

/** Type of exported weights; Q8_0 exists in GGUF files only. */
export type WeightType = FloatDtype | 'Q8_0';

/** Chooses the type of a tensor in an exported file. */
export type WeightTypeOf = (tensor: {
  readonly name: string;
  readonly shape: readonly number[];
}) => WeightType;

/** Returns the values as a reader of a file of this type gets them; float32 values are returned unchanged. */
export function rounded(values: Float32Array, type: WeightType): Float32Array {
  if (type === 'F32') return values;
  if (!isFloatDtype(type)) return dequantizeQ8_0(quantizeQ8_0(values));
  const target = new Float32Array(values.length);
  widenFloats(floatBytes(values, type), type, target);
  return target;
}
