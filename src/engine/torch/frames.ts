/**
 * Frames: a JSON header and named arrays of numbers in one block of bytes, with lengths and checksums. The
 * other half of python/troupe_worker/src/troupe_worker/frames.py, which draws the layout.
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

/** What is read and written are the arrays' own bytes. */
if (endianness() !== 'LE')
  throw new EngineError('engine torch: expected a little-endian machine, got a big-endian one');

/** @returns the bytes of a frame, in pieces that share the arrays' memory */
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
  throw new TypeError(`frame: expected an array of numbers the wire knows, got ${typeof array}`);
}

/** Puts frames together from bytes as they come. */
export class FrameReader {
  #pieces: Uint8Array[] = [];
  #size = 0;

  /** Bytes of a frame that has not ended yet. */
  get pending(): number {
    return this.#size;
  }

  /**
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

  /** Size of the frame that has begun; undefined while its prefix is incomplete. */
  #frameSize(): number | undefined {
    if (this.#size < PREFIX_BYTES) return undefined;
    if ((this.#pieces[0]?.length ?? 0) < PREFIX_BYTES) this.#whole();
    const prefix = asBuffer(this.#pieces[0] as Uint8Array); // holds a whole prefix, by the line above
    if (prefix.readUInt32LE(0) !== MAGIC) throw damaged('it does not begin like a frame');
    const header = prefix.readUInt32LE(4);
    if (header > MAX_HEADER_BYTES) throw damaged(`its header is said to have ${header} bytes`);
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
  if (crc32(text) !== buffer.readUInt32LE(8)) throw damaged('the checksum of its header is wrong');
  const { arrays: table, ...header } = JSON.parse(text.toString()) as WireHeader & {
    readonly arrays: readonly (readonly [string, TypeName, number, number, number])[]; // the checksum vouches
  };
  const payload = buffer.subarray(end);
  const arrays = new Map<string, WireArray>();
  for (const [name, type, count, offset, checksum] of table) {
    const size = count * TYPES[type].BYTES_PER_ELEMENT;
    // a copy of its own: typed arrays begin at multiples of their element's size
    const own = new Uint8Array(payload.subarray(offset, offset + size));
    if (own.length !== size || crc32(own) !== checksum)
      throw damaged(`the checksum of array "${name}" is wrong`);
    arrays.set(name, new TYPES[type](own.buffer, 0, count));
  }
  return { header, arrays };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged(how: string): EngineError {
  return new EngineError(`engine torch: a frame was damaged on the way: ${how}`, {
    code: 'TROUPE_WORKER_FRAME',
    retryable: true,
  });
}
