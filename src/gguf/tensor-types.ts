/**
 * Tensor types of GGUF files: their blocks, and the conversion of blocks to float32. Values are equal to those of the
 * `gguf` Python package to the bit.
 * @see ggml.h `enum ggml_type`; ggml-common.h for the layout of blocks
 * @module
 */
import type { FloatDtype } from '../support/float16.ts';
import { dequantizeQ2K, dequantizeQ3K, dequantizeQ4K, dequantizeQ5K, dequantizeQ6K } from './dequantize-k.ts';
import {
  convertBf16,
  convertF16,
  convertF32,
  dequantizeQ4_0,
  dequantizeQ4_1,
  dequantizeQ5_0,
  dequantizeQ5_1,
  dequantizeQ8_0,
} from './dequantize-simple.ts';

/** A tensor type that can be converted to float32. */
export interface TensorType {
  readonly name: string;
  /** Number of values in a block. */
  readonly blockLength: number;
  /** Size of a block, bytes. */
  readonly blockBytes: number;
  /** The 16-bit or 32-bit type with exactly the values of this type; F32 for quantized types. */
  readonly dtype: FloatDtype;
  /** Converts whole blocks to float32. `target` has room for all their values. */
  readonly convert: (blocks: Uint8Array, target: Float32Array) => void;
}

function quantized(
  name: string,
  [blockLength, blockBytes]: readonly [number, number],
  convert: TensorType['convert'],
): TensorType {
  return { name, blockLength, blockBytes, dtype: 'F32', convert };
}

/** Supported types by their number in GGUF files. */
const TYPES: ReadonlyMap<number, TensorType> = new Map([
  [0, { name: 'F32', blockLength: 1, blockBytes: 4, dtype: 'F32', convert: convertF32 }],
  [1, { name: 'F16', blockLength: 1, blockBytes: 2, dtype: 'F16', convert: convertF16 }],
  [2, quantized('Q4_0', [32, 18], dequantizeQ4_0)],
  [3, quantized('Q4_1', [32, 20], dequantizeQ4_1)],
  [6, quantized('Q5_0', [32, 22], dequantizeQ5_0)],
  [7, quantized('Q5_1', [32, 24], dequantizeQ5_1)],
  [8, quantized('Q8_0', [32, 34], dequantizeQ8_0)],
  [10, quantized('Q2_K', [256, 84], dequantizeQ2K)],
  [11, quantized('Q3_K', [256, 110], dequantizeQ3K)],
  [12, quantized('Q4_K', [256, 144], dequantizeQ4K)],
  [13, quantized('Q5_K', [256, 176], dequantizeQ5K)],
  [14, quantized('Q6_K', [256, 210], dequantizeQ6K)],
  [30, { name: 'BF16', blockLength: 1, blockBytes: 2, dtype: 'BF16', convert: convertBf16 }],
]);

/** Names of other types, for messages. */
const OTHER_NAMES: Readonly<Record<number, string>> = {
  9: 'Q8_1',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
  40: 'NVFP4',
};

/** Names of the supported types. */
export const TENSOR_TYPE_NAMES: readonly string[] = [...TYPES.values()].map(({ name }) => name);

/** Returns a type by its number in GGUF files; undefined if it is not supported. */
export function tensorType(id: number): TensorType | undefined {
  return TYPES.get(id);
}

/** Returns the name of any type, for messages. */
export function tensorTypeName(id: number): string {
  return TYPES.get(id)?.name ?? OTHER_NAMES[id] ?? `number ${id}`;
}
