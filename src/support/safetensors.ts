/**
 * Reads and writes complete safetensors files: an 8-byte little-endian header length, a JSON header, raw little-endian
 * data. `safetensors-reader.ts` reads single tensors.
 * @see https://github.com/huggingface/safetensors#format
 * @module
 */
import { writeFileAtomic } from './atomic-file.ts';
import { FLOAT_BYTES, type FloatDtype, toBfloat16 } from './float16.ts';
import { METADATA } from './safetensors-header.ts';
import { type FloatTensor, openSafetensors } from './safetensors-reader.ts';

export type { FloatTensor } from './safetensors-reader.ts';

/** Contents of a file. */
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, FloatTensor>;
  /** String pairs of the header; may be empty. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A tensor to write. */
export interface TensorToWrite {
  readonly name: string;
  readonly shape: readonly number[];
  /** Returns the numbers, row-major; called once, right before they are written. */
  readonly values: () => Float32Array;
}

/**
 * Writes tensors as float32, atomically.
 *
 * @param tensors - in order of the data
 * @param metadata - string pairs of the header
 * @throws StoreError if it cannot be written; the old file is intact
 */
export function writeSafetensors(
  path: string,
  tensors: readonly (FloatTensor & { readonly name: string })[],
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): void {
  const lazy = tensors.map(({ name, shape, values }) => ({ name, shape, values: () => values }));
  streamSafetensors(path, lazy, { dtype: 'F32', metadata });
}

/**
 * Writes tensors atomically; they are requested one by one, so that the model need not be in memory at once.
 *
 * @throws StoreError if it cannot be written; the old file is intact
 */
export function streamSafetensors(
  path: string,
  tensors: readonly TensorToWrite[],
  {
    dtype,
    metadata = { format: 'pt' },
  }: { readonly dtype: 'F32' | 'BF16'; readonly metadata?: Readonly<Record<string, string>> },
): void {
  const header: Record<string, unknown> = { [METADATA]: metadata };
  let offset = 0;
  for (const { name, shape } of tensors) {
    const end = offset + tensorBytes(shape, dtype);
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const start = new Uint8Array(8 + headerLength).fill(0x20, 8);
  new DataView(start.buffer).setBigUint64(0, BigInt(headerLength), true);
  start.set(json, 8);
  // in pieces, because the data may exceed the maximum size of an array
  writeFileAtomic(path, pieces(start, tensors, dtype));
}

/** Size of a tensor on disk, bytes. */
export function tensorBytes(shape: readonly number[], dtype: FloatDtype): number {
  return shape.reduce((product, size) => product * size, FLOAT_BYTES[dtype]);
}

function* pieces(
  start: Uint8Array,
  tensors: readonly TensorToWrite[],
  dtype: 'F32' | 'BF16',
): Generator<Uint8Array> {
  yield start;
  for (const { name, shape, values: read } of tensors) {
    const values = read();
    if (values.length * FLOAT_BYTES[dtype] !== tensorBytes(shape, dtype))
      throw new RangeError(
        `tensor "${name}": expected the numbers of shape [${shape}], got ${values.length}`,
      );
    const { buffer, byteOffset, byteLength } = dtype === 'BF16' ? toBfloat16(values) : values;
    yield new Uint8Array(buffer, byteOffset, byteLength);
  }
}

/**
 * Reads all tensors as float32 (F32, F16 and BF16 on disk).
 *
 * @throws ConfigError if the file is missing, truncated, or not a safetensors file
 */
export function readSafetensors(path: string): SafetensorsFile {
  const file = openSafetensors(path);
  try {
    const tensors = [...file.tensors.keys()].map((name) => [name, file.read(name) as FloatTensor] as const);
    return { tensors: new Map(tensors), metadata: file.metadata };
  } finally {
    file.close();
  }
}
