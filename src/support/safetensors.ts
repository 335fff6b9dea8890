/**
 * The safetensors format, whole files: an 8-byte little-endian header length, a JSON header, raw
 * little-endian data. `safetensors-reader.ts` reads single tensors.
 * @see https://github.com/huggingface/safetensors#format
 * @module
 */
import { writeFileAtomic } from './atomic-file.ts';
import { FLOAT_BYTES, type FloatDtype, toBfloat16 } from './float16.ts';
import { METADATA } from './safetensors-header.ts';
import { type FloatTensor, openSafetensors } from './safetensors-reader.ts';

export type { FloatTensor } from './safetensors-reader.ts';

/** What a file holds. */
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, FloatTensor>;
  /** String pairs of the header; empty where there are none. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A tensor to write. */
export interface TensorToWrite {
  readonly name: string;
  readonly shape: readonly number[];
  /** Called once, when its turn comes. Numbers of the shape, row-major. */
  readonly values: () => Float32Array;
}

/**
 * Writes tensors as float32, atomically.
 *
 * @param tensors - in the order they are laid out
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
 * Writes tensors that are made one by one, so that a whole model need not be in memory, atomically.
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
  // in pieces: the data may be larger than one array can be
  writeFileAtomic(path, pieces(start, tensors, dtype));
}

/** Size of a tensor on disk. */
export function tensorBytes(shape: readonly number[], dtype: FloatDtype): number {
  return shape.reduce((product, size) => product * size, FLOAT_BYTES[dtype]);
}

function* pieces(
  start: Uint8Array,
  tensors: readonly TensorToWrite[],
  dtype: 'F32' | 'BF16',
): Generator<Uint8Array> {
  yield start;
  for (const { name, shape, values: make } of tensors) {
    const values = make();
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
 * @throws ConfigError if the file is missing, cut short, or not a safetensors file: as the reference
 * implementation, it takes no gaps and no overlaps between tensors and nothing after the last one
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
