/**
 * Encodes TensorBoard event files: TFRecords, each with one `Event` message of scalar summaries. This is own
 * code because no maintained writer exists for Node, and the format is small and stable.
 * @see https://github.com/tensorflow/tensorboard: compat/proto/event.proto, summary.proto; record framing
 *   in TensorFlow's lib/io/record_writer.h
 * @module
 */

/** One scalar summary. */
export interface Scalar {
  readonly tag: string;
  /** Value of the scalar; the file stores it in single precision. */
  readonly value: number;
}

/** Encodes the first record of every file, which has the version of the format. */
export function versionRecord(wallMs: number): Buffer {
  return frame(Buffer.concat([wallTime(wallMs), bytesField(3, Buffer.from('brain.Event:2'))]));
}

/** Encodes a record with the scalars of one step. */
export function scalarRecord(step: number, wallMs: number, scalars: readonly Scalar[]): Buffer {
  const values = scalars.map(({ tag, value }) =>
    bytesField(1, Buffer.concat([bytesField(1, Buffer.from(tag)), floatField(2, value)])),
  );
  return frame(
    Buffer.concat([
      wallTime(wallMs),
      Buffer.concat([key(2, WIRE.varint), varint(step)]),
      bytesField(5, Buffer.concat(values)),
    ]),
  );
}

/** Returns a file name that matches the pattern for which TensorBoard searches. */
export function eventFileName(wallMs: number): string {
  return `events.out.tfevents.${String(Math.floor(wallMs / 1000)).padStart(10, '0')}.troupe`;
}

/** Wire types of Protocol Buffers. */
const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

function key(field: number, wire: number): Buffer {
  return Buffer.from([(field << 3) | wire]);
}

/** @param value - an integer >= 0 */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}

function bytesField(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([key(field, WIRE.bytes), varint(bytes.length), bytes]);
}

function floatField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([key(field, WIRE.fixed32), bytes]);
}

function wallTime(ms: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(ms / 1000);
  return Buffer.concat([key(1, WIRE.fixed64), bytes]);
}

/** Encodes a TFRecord: length, masked CRC of the length, data, masked CRC of the data. */
function frame(data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, checksum(length), data, checksum(data)]);
}

/** Computes the masked CRC-32C of the TFRecord format: the CRC rotated by 15 bits, plus a constant. */
function checksum(bytes: Uint8Array): Buffer {
  const crc = crc32c(bytes);
  const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  const out = Buffer.alloc(4);
  out.writeUInt32LE(masked);
  return out;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/**
 * Computes the CRC-32C checksum (Castagnoli polynomial, reflected), as in iSCSI (RFC 3720).
 *
 * @example
 * crc32c(Buffer.from('123456789')); // => 0xe3069283
 */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff]!;
  return (crc ^ 0xffffffff) >>> 0;
}
