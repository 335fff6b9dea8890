/**
 * Reads TensorBoard event files in tests, and verifies every checksum.
 * @module
 */
import { crc32c } from '../tensorboard.ts';

export interface ReadEvent {
  /** Unix time, seconds. */
  readonly wallTime: number;
  readonly step: number;
  readonly version?: string;
  readonly scalars: readonly (readonly [tag: string, value: number])[];
}

/** @throws Error if a record is truncated or its checksum is wrong */
export function readEvents(bytes: Buffer): ReadEvent[] {
  const events: ReadEvent[] = [];
  for (let at = 0; at < bytes.length; ) {
    const head = bytes.subarray(at, at + 8);
    if (bytes.readUInt32LE(at + 8) !== masked(head)) throw new Error(`length at ${at}: wrong checksum`);
    const length = Number(head.readBigUInt64LE());
    const data = bytes.subarray(at + 12, at + 12 + length);
    if (bytes.readUInt32LE(at + 12 + length) !== masked(data))
      throw new Error(`data at ${at}: wrong checksum`);
    events.push(readEvent(data));
    at += 16 + length;
  }
  return events;
}

function masked(bytes: Uint8Array): number {
  const crc = BigInt(crc32c(bytes));
  const rotated = ((crc >> 15n) | (crc << 17n)) & 0xffffffffn;
  return Number((rotated + 0xa282ead8n) & 0xffffffffn);
}

/** Yields the fields of a Protocol Buffers message: the number and the raw value of each field. */
function* fieldsOf(data: Buffer): Generator<readonly [field: number, value: Buffer | number]> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = data.readUInt8(at++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < data.length) {
    const key = varint();
    const wire = key & 7;
    if (wire === 0) yield [key >> 3, varint()];
    else {
      const length = wire === 1 ? 8 : wire === 5 ? 4 : varint();
      yield [key >> 3, data.subarray(at, at + length)];
      at += length;
    }
  }
}

function readEvent(data: Buffer): ReadEvent {
  const fields = new Map(fieldsOf(data));
  const bytes = (field: number): Buffer => (fields.get(field) as Buffer | undefined) ?? Buffer.alloc(0);
  const scalars = [...fieldsOf(bytes(5))].map(([, value]): readonly [string, number] => {
    const parts = new Map(fieldsOf(value as Buffer));
    return [(parts.get(1) as Buffer).toString('utf8'), (parts.get(2) as Buffer).readFloatLE()];
  });
  const version = fields.has(3) ? { version: bytes(3).toString('utf8') } : {};
  return { wallTime: bytes(1).readDoubleLE(), step: Number(fields.get(2) ?? 0), ...version, scalars };
}
