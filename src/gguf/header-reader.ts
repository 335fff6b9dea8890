/**
 * Sequential reader of a GGUF header: little-endian numbers, strings and typed values. The file is read in chunks as
 * far as the header reaches.
 * @module
 */
import { readSync } from 'node:fs';

/** A metadata value. Arrays are decoded when they are requested, because a tokenizer has hundreds of thousands. */
export type GgufValue = number | boolean | string | GgufArray;

export interface GgufArray {
  readonly length: number;
  /** Decodes the elements. */
  values(): readonly (number | boolean | string)[];
}

/** Number of bytes that are read at a time. */
const CHUNK = 4 * 2 ** 20;
/**
 * Largest header, bytes. A vocabulary of 262,144 tokens needs 6 MiB; a damaged count could otherwise fill the memory from a
 * large file.
 */
const MAX_HEADER = 256 * 2 ** 20;

/** Metadata types by their number in the file. */
const STRING = 8;
const ARRAY = 9;
const SIZES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};

export class HeaderReader {
  readonly #fd: number;
  readonly #fileSize: number;
  readonly #damaged: (problem: string) => Error;
  #buffer = Buffer.alloc(0);
  #at = 0;

  /** @param damaged - creates the error for a damaged file */
  constructor(fd: number, fileSize: number, damaged: (problem: string) => Error) {
    this.#fd = fd;
    this.#fileSize = fileSize;
    this.#damaged = damaged;
  }

  /** Position in the file, bytes. */
  get position(): number {
    return this.#at;
  }

  bytes(length: number): Buffer {
    this.#require(length);
    this.#at += length;
    return this.#buffer.subarray(this.#at - length, this.#at);
  }

  uint32(): number {
    return this.bytes(4).readUInt32LE(0);
  }

  /** Reads a 64-bit count, length or position. */
  size(): number {
    const bytes = this.bytes(8);
    return bytes.readUInt32LE(0) + 2 ** 32 * bytes.readUInt32LE(4);
  }

  /**
   * Reads the number of parts that follow.
   *
   * @param bytes - size of the smallest part
   */
  count(bytes: number): number {
    const count = this.size();
    this.#checkEnd(this.#at + count * bytes);
    return count;
  }

  string(): string {
    return this.bytes(this.size()).toString('utf8');
  }

  /** Reads a metadata value: the number of its type, and the value. */
  value(): GgufValue {
    const type = this.uint32();
    if (type === STRING) return this.string();
    if (type === ARRAY) return this.#array();
    return scalar(this.bytes(this.#sizeOf(type)), 0, type);
  }

  /** Skips the elements of an array and returns a view that decodes them on request. */
  #array(): GgufArray {
    const type = this.uint32();
    if (type === ARRAY) throw this.#damaged('its metadata has an array of arrays');
    const length = this.count(type === STRING ? 8 : this.#sizeOf(type));
    const start = this.#at;
    if (type === STRING) for (let i = 0; i < length; i++) this.bytes(this.size());
    else this.bytes(length * this.#sizeOf(type));
    // a chunk that is read later creates a new buffer, so this part stays unchanged
    const part = this.#buffer.subarray(start, this.#at);
    return { length, values: () => (type === STRING ? strings(part, length) : scalars(part, length, type)) };
  }

  #sizeOf(type: number): number {
    const size = SIZES[type];
    if (size === undefined) throw this.#damaged(`its metadata has a value of unknown type ${type}`);
    return size;
  }

  #checkEnd(end: number): void {
    if (!(end <= this.#fileSize))
      throw this.#damaged(`it has ${this.#fileSize} bytes, fewer than its header`);
    if (end > MAX_HEADER) throw this.#damaged(`its header is longer than ${MAX_HEADER / 2 ** 20} MiB`);
  }

  /** Ensures that the buffer contains the next `length` bytes. */
  #require(length: number): void {
    const end = this.#at + length;
    if (end <= this.#buffer.length) return;
    this.#checkEnd(end);
    const wanted = Math.min(this.#fileSize, Math.max(end, 2 * this.#buffer.length, CHUNK));
    const larger = Buffer.alloc(wanted);
    this.#buffer.copy(larger);
    for (let done = this.#buffer.length; done < wanted; ) {
      const count = readSync(this.#fd, larger, done, wanted - done, done);
      if (count === 0) throw this.#damaged(`it ends at byte ${done}`);
      done += count;
    }
    this.#buffer = larger;
  }
}

function strings(part: Buffer, length: number): string[] {
  const found = new Array<string>(length);
  let at = 0;
  for (let i = 0; i < length; i++) {
    const end = at + 8 + part.readUInt32LE(at);
    found[i] = part.toString('utf8', at + 8, end);
    at = end;
  }
  return found;
}

function scalars(part: Buffer, length: number, type: number): (number | boolean)[] {
  const size = SIZES[type] as number;
  return Array.from({ length }, (_, i) => scalar(part, i * size, type));
}

function scalar(part: Buffer, at: number, type: number): number | boolean {
  switch (type) {
    case 0:
      return part.readUInt8(at);
    case 1:
      return part.readInt8(at);
    case 2:
      return part.readUInt16LE(at);
    case 3:
      return part.readInt16LE(at);
    case 4:
      return part.readUInt32LE(at);
    case 5:
      return part.readInt32LE(at);
    case 6:
      return part.readFloatLE(at);
    case 7:
      return part.readUInt8(at) !== 0;
    case 10:
      return Number(part.readBigUInt64LE(at));
    case 11:
      return Number(part.readBigInt64LE(at));
    default:
      return part.readDoubleLE(at);
  }
}
