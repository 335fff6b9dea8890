/**
 * Reads the container of a GGUF file: metadata, and names, shapes and positions of the tensors. Opening reads only the
 * header; tensor data is read on request.
 *
 * `@huggingface/gguf` is not used, for two reasons. It decodes each string with a new `TextDecoder`, which removes
 * U+FEFF at the beginning: Gemma's 262,144 tokens become 262,141 different ones. And it reads asynchronously, while
 * models are loaded synchronously.
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 * @module
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ConfigError } from '../support/errors.ts';
import { type GgufValue, HeaderReader } from './header-reader.ts';
import { type TensorType, tensorType, tensorTypeName } from './tensor-types.ts';

/** Position and type of a tensor. */
export interface GgufTensor {
  readonly name: string;
  /** Row-major shape: the reverse of the order in the file. */
  readonly shape: readonly number[];
  /** Number of the type in GGUF files. */
  readonly typeId: number;
  /** Position of the data from the start of the file, bytes. */
  readonly offset: number;
}

/** Number of bytes per read call; Node allows less than 2 GiB. */
const READ_CHUNK = 2 ** 30;

const DEFAULT_ALIGNMENT = 32;
const MAX_DIMENSIONS = 4;
/** Sizes of the shortest key with its value, and of the shortest description of a tensor, bytes. */
const MIN_KEY = 8 + 4 + 1;
const MIN_TENSOR = 8 + 4 + 4 + 8;

export class GgufFile {
  readonly path: string;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  readonly #fd: number;

  /** Called by {@link openGguf}. */
  constructor(path: string, fd: number, header: Pick<GgufFile, 'metadata' | 'tensors'>) {
    this.path = path;
    this.#fd = fd;
    this.metadata = header.metadata;
    this.tensors = header.tensors;
  }

  /** Fills `target` with the bytes from `offset`. @throws ConfigError if the file was truncated meanwhile */
  read(target: Uint8Array, offset: number): void {
    for (let done = 0; done < target.length; ) {
      const length = Math.min(READ_CHUNK, target.length - done);
      const count = readSync(this.#fd, target, done, length, offset + done);
      if (count === 0) throw damaged(this.path, `it ends at byte ${offset + done}`);
      done += count;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** The content of an open file. */
export type GgufContent = Pick<GgufFile, 'path' | 'metadata' | 'tensors' | 'read'>;

/**
 * Opens a GGUF file; the caller closes it.
 *
 * @throws ConfigError if the file is missing, truncated, or not a GGUF file of version 2 or 3
 */
export function openGguf(path: string): GgufFile {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    return new GgufFile(path, fd, readHeader(path, fd));
  } catch (cause) {
    if (fd !== undefined) closeSync(fd);
    if (cause instanceof ConfigError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`${path}: expected a GGUF file, but it cannot be read (${why})`, {
      cause,
      code: 'TROUPE_GGUF',
    });
  }
}

/** Opens a file, calls `use`, and closes the file. */
export function withGguf<T>(path: string, use: (file: GgufFile) => T): T {
  const file = openGguf(path);
  try {
    return use(file);
  } finally {
    file.close();
  }
}

function readHeader(path: string, fd: number): Pick<GgufFile, 'metadata' | 'tensors'> {
  const { size } = fstatSync(fd);
  const reader = new HeaderReader(fd, size, (problem) => damaged(path, problem));
  checkVersion(path, reader);
  const tensorCount = reader.count(MIN_TENSOR);
  const keyCount = reader.count(MIN_KEY);
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < keyCount; i++) {
    const key = reader.string();
    if (metadata.has(key)) throw damaged(path, `it has the key "${key}" twice`);
    metadata.set(key, reader.value());
  }
  const infos = new Map<string, GgufTensor>();
  for (let i = 0; i < tensorCount; i++) {
    const name = reader.string();
    if (infos.has(name)) throw damaged(path, `it has the tensor "${name}" twice`);
    const dimensions = reader.uint32();
    if (dimensions > MAX_DIMENSIONS) throw damaged(path, `tensor "${name}" has ${dimensions} dimensions`);
    const shape = Array.from({ length: dimensions }, () => reader.size()).reverse();
    infos.set(name, { name, shape, typeId: reader.uint32(), offset: reader.size() });
  }
  const alignment = Number(metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT);
  if (!Number.isInteger(alignment) || alignment < 1) throw damaged(path, `general.alignment is ${alignment}`);
  const start = Math.ceil(reader.position / alignment) * alignment;
  const tensors = new Map<string, GgufTensor>();
  for (const info of infos.values()) {
    const tensor = { ...info, offset: start + info.offset };
    const type = tensorType(info.typeId);
    if (type && tensor.offset + tensorBytes(path, tensor, type) > size)
      throw damaged(path, `it has ${size} bytes, and tensor "${info.name}" ends after them`);
    tensors.set(info.name, tensor);
  }
  return { metadata, tensors };
}

function checkVersion(path: string, reader: HeaderReader): void {
  const magic = reader.bytes(4).toString('latin1');
  if (magic !== 'GGUF')
    throw new ConfigError(
      `${path}: expected a GGUF file, but it begins with ${JSON.stringify(magic)}; download it again`,
      { code: 'TROUPE_GGUF' },
    );
  const version = reader.uint32();
  if (version === 2 || version === 3) return;
  const isBigEndian = version !== 0 && (version & 0xffff) === 0;
  throw new ConfigError(
    isBigEndian
      ? `${path}: expected a little-endian GGUF file, got a big-endian one; convert the model again`
      : `${path}: expected GGUF version 2 or 3, got ${version}; convert the model again`,
    { code: 'TROUPE_GGUF' },
  );
}

/**
 * Returns the size of a tensor's data, bytes.
 *
 * @throws ConfigError if a row does not consist of whole blocks
 */
export function tensorBytes(
  path: string,
  { name, shape, typeId }: Pick<GgufTensor, 'name' | 'shape' | 'typeId'>,
  { blockLength, blockBytes }: TensorType,
): number {
  const row = shape.at(-1) ?? 1;
  if (row % blockLength !== 0)
    throw damaged(
      path,
      `tensor "${name}" has rows of ${row} values, which ${tensorTypeName(typeId)} cannot have`,
    );
  return (shape.reduce((product, size) => product * size, 1) / blockLength) * blockBytes;
}

function damaged(path: string, problem: string): ConfigError {
  return new ConfigError(`${path}: the GGUF file is damaged: ${problem}; download it again`, {
    code: 'TROUPE_GGUF',
  });
}
