/**
 * Writes the container of a GGUF file, version 3: metadata, tensor infos and tensor data. Tensor data is requested one
 * tensor at a time.
 *
 * The writer of `@huggingface/gguf` is not used: it serializes metadata only, not tensors, and the reader of this
 * folder does not need the package either (container.ts).
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 * @module
 */
import { writeFileAtomic } from '../support/atomic-file.ts';

/** Numbers of the metadata types in the file. */
const TYPE_IDS = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;

type Scalar =
  | { readonly type: 'uint32' | 'int32' | 'float32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string };

/** A metadata value with its type. */
export type TypedValue =
  | Scalar
  | { readonly type: 'array'; readonly of: 'string'; readonly values: readonly string[] }
  | { readonly type: 'array'; readonly of: 'int32' | 'float32'; readonly values: readonly number[] };

/** Metadata in the order of the file. */
export type TypedMetadata = ReadonlyMap<string, TypedValue>;

/** A tensor to write. */
export interface TensorToStore {
  readonly name: string;
  /** Row-major shape; the file has the reverse order. */
  readonly shape: readonly number[];
  /** Number of the type in GGUF files. */
  readonly typeId: number;
  /** Size of the data, bytes. */
  readonly byteLength: number;
  /** Returns the data; called once, right before it is written. */
  readonly bytes: () => Uint8Array;
}

const VERSION = 3;
const ALIGNMENT = 32;
/** Number of array elements per chunk of output. */
const ELEMENTS_PER_CHUNK = 4096;

/**
 * Writes a file atomically.
 *
 * @throws StoreError if the file cannot be written; no partial file is left
 */
export function writeGguf(path: string, metadata: TypedMetadata, tensors: readonly TensorToStore[]): void {
  writeFileAtomic(path, pieces(metadata, tensors));
}

function* pieces(metadata: TypedMetadata, tensors: readonly TensorToStore[]): Generator<Uint8Array> {
  let position = 0;
  const counted = (piece: Uint8Array): Uint8Array => {
    position += piece.length;
    return piece;
  };
  yield counted(
    Buffer.concat([Buffer.from('GGUF'), uint32(VERSION), uint64(tensors.length), uint64(metadata.size)]),
  );
  for (const [key, value] of metadata) for (const piece of entry(key, value)) yield counted(piece);
  yield counted(tensorInfos(tensors));
  yield counted(Buffer.alloc(padding(position)));
  for (const { name, byteLength, bytes } of tensors) {
    const data = bytes();
    if (data.length !== byteLength)
      throw new RangeError(`tensor "${name}": expected ${byteLength} bytes, got ${data.length}`);
    yield data;
    yield Buffer.alloc(padding(byteLength));
  }
}

function tensorInfos(tensors: readonly TensorToStore[]): Uint8Array {
  let offset = 0;
  const infos = tensors.flatMap(({ name, shape, typeId, byteLength }) => {
    const at = offset;
    offset += byteLength + padding(byteLength);
    return [
      string(name),
      uint32(shape.length),
      ...shape.toReversed().map(uint64),
      uint32(typeId),
      uint64(at),
    ];
  });
  return Buffer.concat(infos);
}

/** Number of bytes from a position to the next multiple of the alignment. */
function padding(position: number): number {
  return (ALIGNMENT - (position % ALIGNMENT)) % ALIGNMENT;
}

function* entry(key: string, value: TypedValue): Generator<Uint8Array> {
  yield Buffer.concat([string(key), uint32(TYPE_IDS[value.type])]);
  if (value.type !== 'array') {
    yield scalar(value);
    return;
  }
  yield Buffer.concat([uint32(TYPE_IDS[value.of]), uint64(value.values.length)]);
  for (let i = 0; i < value.values.length; i += ELEMENTS_PER_CHUNK)
    yield Buffer.concat(
      value.of === 'string'
        ? value.values.slice(i, i + ELEMENTS_PER_CHUNK).map(string)
        : value.values
            .slice(i, i + ELEMENTS_PER_CHUNK)
            .map((item) => scalar({ type: value.of, value: item })),
    );
}

function scalar({ type, value }: Scalar): Uint8Array {
  const bytes = Buffer.alloc(4);
  switch (type) {
    case 'string':
      return string(value);
    case 'bool':
      return Uint8Array.of(value ? 1 : 0);
    case 'uint32':
      bytes.writeUInt32LE(value);
      return bytes;
    case 'int32':
      bytes.writeInt32LE(value);
      return bytes;
    case 'float32':
      bytes.writeFloatLE(value);
      return bytes;
  }
}

function string(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Uint8Array {
  return scalar({ type: 'uint32', value });
}

function uint64(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
