/**
 * Reads and writes complete safetensors files: an 8-byte little-endian header length, a JSON header, and raw
 * little-endian data. `safetensors-reader.ts` reads single tensors.
 * @see https://github.com/huggingface/safetensors#format
 * @module
 */
import { writeFileAtomic } from './atomic-file.ts';
import { FLOAT_BYTES, type FloatDtype, floatBytes } from './float16.ts';
import { METADATA } from './safetensors-header.ts';
import { type FloatTensor, openSafetensors } from './safetensors-reader.ts';

export type { FloatTensor } from './safetensors-reader.ts';

/** Contents of a safetensors file. */
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, FloatTensor>;
  /** Pairs of strings in the header; may be empty. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A tensor to write. */
export interface TensorToWrite {
  readonly name: string;
  readonly shape: readonly number[];
  /** Returns the values of the tensor, row-major; called once, right before they are written. */
  readonly values: () => Float32Array;
}

/**
 * Writes a file of float32 tensors atomically.
 *
 * @param tensors - tensors in the order of their data in the file
 * @param metadata - pairs of strings for the header
 * @throws StoreError if the file cannot be written; the old file is intact
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
 * Writes a file of tensors atomically. Their values are requested one by one, so that not all of them are in
 * memory at the same time.
 *
 * @throws StoreError if the file cannot be written; the old file is intact
 */
export function streamSafetensors(
  path: string,
  tensors: readonly TensorToWrite[],
  {
    dtype,
    metadata = { format: 'pt' },
  }: { readonly dtype: FloatDtype; readonly metadata?: Readonly<Record<string, string>> },
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
  // the file is written in pieces, because the data may exceed the maximum size of an array
  writeFileAtomic(path, pieces(start, tensors, dtype));
}

/** Returns the size of a tensor on disk, bytes. */
export function tensorBytes(shape: readonly number[], dtype: FloatDtype): number {
  return shape.reduce((product, size) => product * size, FLOAT_BYTES[dtype]);
}

function* pieces(
  start: Uint8Array,
  tensors: readonly TensorToWrite[],
  dtype: FloatDtype,
): Generator<Uint8Array> {
  yield start;
  for (const { name, shape, values: read } of tensors) {
    const values = read();
    if (values.length * FLOAT_BYTES[dtype] !== tensorBytes(shape, dtype))
      throw new RangeError(
        `tensor "${name}": expected the numbers of shape [${shape}], got ${values.length}`,
      );
    yield floatBytes(values, dtype);
  }
}

/**
 * Reads all tensors of a file and converts them to float32 (from F32, F16 and BF16).
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
