/**
 * Frames of the worker protocol: a JSON header and named numeric arrays in one block of bytes, with lengths and
 * checksums. python/troupe_worker/src/troupe_worker/frames.py documents the layout.
 * @module
 */
import { endianness } from 'node:os';
import { crc32 } from 'node:zlib';
import { EngineError } from '../../support/errors.ts';

export type WireArray = Int32Array | Uint32Array | Float32Array | Float64Array | Uint8Array;

export type WireHeader = Readonly<Record<string, unknown>>;

export interface Frame {
  readonly header: WireHeader;
  readonly arrays: ReadonlyMap<string, WireArray>;
}

const MAGIC = 0x31505254; // "TRP1"
const PREFIX_BYTES = 20;
const MAX_HEADER_BYTES = 64 * 2 ** 20;

const TYPES = {
  i32: Int32Array,
  u32: Uint32Array,
  f32: Float32Array,
  f64: Float64Array,
  u8: Uint8Array,
} as const;

type TypeName = keyof typeof TYPES;

/** Frames contain the arrays' bytes in the byte order of the machine, which must be little-endian. */
if (endianness() !== 'LE')
  throw new EngineError('engine torch: expected a little-endian machine, got a big-endian one');

/** Encodes a frame. @returns its bytes in pieces that share the arrays' memory */
export function encodeFrame(
  header: WireHeader,
  arrays: Readonly<Record<string, WireArray>> = {},
): Uint8Array[] {
  const table: unknown[] = [];
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, array] of Object.entries(arrays)) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    table.push([name, typeName(array), array.length, offset, crc32(bytes)]);
    const padding = (8 - (bytes.length % 8)) % 8;
    parts.push(bytes, new Uint8Array(padding));
    offset += bytes.length + padding;
  }
  const text = Buffer.from(JSON.stringify({ ...header, arrays: table }));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32LE(MAGIC, 0);
  prefix.writeUInt32LE(text.length, 4);
  prefix.writeUInt32LE(crc32(text), 8);
  prefix.writeBigUInt64LE(BigInt(offset), 12);
  return [prefix, text, ...parts];
}

function typeName(array: WireArray): TypeName {
  for (const [name, type] of Object.entries(TYPES)) if (array instanceof type) return name as TypeName;
  throw new TypeError(`frame: expected one of ${Object.keys(TYPES).join(', ')}, got ${typeof array}`);
}

/** Decodes frames from a stream of bytes. */
export class FrameReader {
  #pieces: Uint8Array[] = [];
  #size = 0;

  /** Number of received bytes that belong to an incomplete frame. */
  get pending(): number {
    return this.#size;
  }

  /**
   * Adds bytes to the stream.
   *
   * @returns the frames that these bytes complete
   * @throws EngineError, retryable, if the bytes are damaged
   */
  read(bytes: Uint8Array): Frame[] {
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    const frames: Frame[] = [];
    for (let size = this.#frameSize(); size !== undefined && size <= this.#size; size = this.#frameSize()) {
      const whole = this.#whole();
      frames.push(decode(whole.subarray(0, size)));
      const rest = whole.subarray(size);
      this.#pieces = rest.length > 0 ? [rest] : [];
      this.#size = rest.length;
    }
    return frames;
  }

  /** Returns the size of the current frame, bytes; undefined while its prefix is incomplete. */
  #frameSize(): number | undefined {
    if (this.#size < PREFIX_BYTES) return undefined;
    if ((this.#pieces[0]?.length ?? 0) < PREFIX_BYTES) this.#whole();
    const prefix = asBuffer(this.#pieces[0] as Uint8Array); // the first piece contains the whole prefix
    if (prefix.readUInt32LE(0) !== MAGIC) throw damaged('wrong magic number');
    const header = prefix.readUInt32LE(4);
    if (header > MAX_HEADER_BYTES) throw damaged(`header length of ${header} bytes exceeds the limit`);
    return PREFIX_BYTES + header + Number(prefix.readBigUInt64LE(12));
  }

  #whole(): Uint8Array {
    if (this.#pieces.length === 1) return this.#pieces[0] as Uint8Array;
    const whole = Buffer.concat(this.#pieces);
    this.#pieces = [whole];
    return whole;
  }
}

function decode(bytes: Uint8Array): Frame {
  const buffer = asBuffer(bytes);
  const end = PREFIX_BYTES + buffer.readUInt32LE(4);
  const text = buffer.subarray(PREFIX_BYTES, end);
  if (crc32(text) !== buffer.readUInt32LE(8)) throw damaged('wrong checksum of the header');
  const { arrays: table, ...header } = JSON.parse(text.toString()) as WireHeader & {
    readonly arrays: readonly (readonly [string, TypeName, number, number, number])[]; // verified by the checksum
  };
  const payload = buffer.subarray(end);
  const arrays = new Map<string, WireArray>();
  for (const [name, type, count, offset, checksum] of table) {
    const size = count * TYPES[type].BYTES_PER_ELEMENT;
    // copied, because typed arrays must start at a multiple of their element size
    const own = new Uint8Array(payload.subarray(offset, offset + size));
    if (own.length !== size || crc32(own) !== checksum) throw damaged(`wrong checksum of array "${name}"`);
    arrays.set(name, new TYPES[type](own.buffer, 0, count));
  }
  return { header, arrays };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged(how: string): EngineError {
  return new EngineError(`engine torch: damaged frame: ${how}`, {
    code: 'TROUPE_WORKER_FRAME',
    retryable: true,
  });
}
