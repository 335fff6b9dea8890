/**
 * An open safetensors file. Its header is checked when the file is opened. Tensors are read one by one on
 * request, so that loading a model needs no memory in addition to its tensors.
 * @module
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ConfigError } from './errors.ts';
import { FLOAT_BYTES, type FloatDtype, widenFloats } from './float16.ts';
import { damaged, type Header, parseHeader } from './safetensors-header.ts';

/** A float32 tensor in memory, row-major. */
export interface FloatTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Data type and shape of a tensor on disk. */
export interface TensorInfo {
  readonly dtype: FloatDtype;
  readonly shape: readonly number[];
}

/** Size of the buffer from which other types are converted to float32, bytes. */
const CHUNK = 4 * 2 ** 20;

/** Number of bytes per read call; Node allows less than 2 GiB. */
const READ_CHUNK = 2 ** 30;

/** Maximum length of a header, bytes, as in the reference implementation. */
const MAX_HEADER_LENGTH = 100_000_000;

export class SafetensorsReader {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Types and shapes of the tensors by name, in the order of their data in the file. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly #offsets: ReadonlyMap<string, readonly [number, number]>;
  readonly #start: number;
  readonly #fd: number;

  /** Called by {@link openSafetensors}, which checks the header. */
  constructor(
    path: string,
    fd: number,
    { header, start }: { readonly header: Header; readonly start: number },
  ) {
    this.path = path;
    this.metadata = header.metadata;
    this.tensors = new Map(header.entries.map(([name, { dtype, shape }]) => [name, { dtype, shape }]));
    this.#offsets = new Map(header.entries.map(([name, { data_offsets }]) => [name, data_offsets]));
    this.#start = start;
    this.#fd = fd;
  }

  /** Reads a tensor and converts it to float32; undefined if the file does not contain it. */
  read(name: string): FloatTensor | undefined {
    const info = this.tensors.get(name);
    if (info === undefined) return undefined;
    const values = new Float32Array(info.shape.reduce((product, size) => product * size, 1));
    this.readInto(name, values);
    return { shape: info.shape, values };
  }

  /**
   * Reads a tensor into existing memory and converts it to float32. Needs only a small buffer.
   *
   * @param target - must have the length of the tensor
   * @throws ConfigError if the file was truncated after it was opened
   * @throws RangeError if the file does not contain the tensor, or the target has another length
   */
  readInto(name: string, target: Float32Array): void {
    const { dtype, from, to } = this.#locate(name);
    const width = FLOAT_BYTES[dtype];
    if (target.length !== (to - from) / width)
      throw new RangeError(
        `${this.path}: expected ${(to - from) / width} numbers for "${name}", got ${target.length}`,
      );
    if (dtype === 'F32') {
      const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
      this.#fill(bytes, from);
      return;
    }
    const chunk = new Uint8Array(Math.min(CHUNK, to - from));
    for (let at = from; at < to; at += chunk.length) {
      const bytes = chunk.subarray(0, Math.min(chunk.length, to - at));
      this.#fill(bytes, at);
      widenFloats(bytes, dtype, target.subarray((at - from) / width));
    }
  }

  /**
   * Reads the little-endian bytes of a tensor without conversion.
   *
   * @throws RangeError if the file does not contain the tensor
   */
  readBytes(name: string): Uint8Array<ArrayBuffer> {
    const { from, to } = this.#locate(name);
    const bytes = new Uint8Array(to - from);
    this.#fill(bytes, from);
    return bytes;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #locate(name: string): { readonly dtype: FloatDtype; readonly from: number; readonly to: number } {
    const info = this.tensors.get(name);
    const offsets = this.#offsets.get(name);
    if (info === undefined || offsets === undefined)
      throw new RangeError(`${this.path}: expected a tensor "${name}", got none`);
    return { dtype: info.dtype, from: this.#start + offsets[0], to: this.#start + offsets[1] };
  }

  #fill(target: Uint8Array, from: number): void {
    fill(this.path, this.#fd, { target, from });
  }
}

/**
 * Opens a safetensors file; the caller closes it.
 *
 * @throws ConfigError if the file is missing, truncated, or not a safetensors file
 */
export function openSafetensors(path: string): SafetensorsReader {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    return readOpen(path, fd);
  } catch (cause) {
    if (fd !== undefined) closeSync(fd);
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(
      `${path}: expected a safetensors file, but it cannot be read (${cause instanceof Error ? cause.message : String(cause)})`,
      { cause, code: 'TROUPE_SAFETENSORS' },
    );
  }
}

function readOpen(path: string, fd: number): SafetensorsReader {
  const { size } = fstatSync(fd);
  if (size < 8) throw damaged(path, `expected at least 8 bytes, got ${size}`);
  const prefix = new Uint8Array(8);
  fill(path, fd, { target: prefix, from: 0 });
  const headerLength = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  const start = 8 + headerLength;
  if (start > size) {
    rejectPickle(path, prefix);
    rejectPointer(path, prefix);
    throw damaged(path, `header says ${headerLength} bytes, the file has ${size - 8}`);
  }
  if (headerLength > MAX_HEADER_LENGTH)
    throw damaged(path, `expected a header of at most ${MAX_HEADER_LENGTH} bytes, got ${headerLength}`);
  const json = new Uint8Array(headerLength);
  fill(path, fd, { target: json, from: 8 });
  return new SafetensorsReader(path, fd, { header: parseHeader(path, json, size - start), start });
}

/**
 * Rejects PyTorch files that were renamed to `.safetensors`: a zip archive with a pickle, or a bare pickle.
 * Reading a pickle can run code.
 */
function rejectPickle(path: string, prefix: Uint8Array): void {
  const isZip = prefix[0] === 0x50 && prefix[1] === 0x4b && prefix[2] === 0x03 && prefix[3] === 0x04;
  const isPickle = prefix[0] === 0x80 && (prefix[1] as number) >= 2 && (prefix[1] as number) <= 5;
  if (isZip || isPickle)
    throw new ConfigError(
      `${path}: expected safetensors, got a pickle, which is never read because reading one can run code; convert the weights to safetensors`,
      { code: 'TROUPE_PICKLE' },
    );
}

/** Rejects the text that Git has in place of a large file until Git LFS fetches it. */
function rejectPointer(path: string, prefix: Uint8Array): void {
  if (new TextDecoder().decode(prefix) === 'version ')
    throw new ConfigError(
      `${path}: expected safetensors, got a pointer of Git LFS; fetch the file with git lfs pull`,
      { code: 'TROUPE_SAFETENSORS' },
    );
}

function fill(
  path: string,
  fd: number,
  { target, from }: { readonly target: Uint8Array; readonly from: number },
): void {
  let done = 0;
  while (done < target.length) {
    const length = Math.min(READ_CHUNK, target.length - done);
    const count = readSync(fd, target, done, length, from + done);
    if (count === 0) throw damaged(path, `expected ${from + target.length} bytes, got ${from + done}`);
    done += count;
  }
}
