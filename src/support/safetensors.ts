/**
 * The safetensors format: an 8-byte little-endian header length, a JSON header, raw little-endian data.
 * Reading checks every length and offset, so a file cut short is refused with one clear line.
 * @see https://github.com/huggingface/safetensors#format
 * @module
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { writeFileAtomic } from './atomic-file.ts';
import { ConfigError } from './errors.ts';

/** A float32 tensor in memory, row-major. */
export interface FloatTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** What a file holds. */
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, FloatTensor>;
  /** String pairs of the header; empty where there are none. */
  readonly metadata: Readonly<Record<string, string>>;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

interface Header {
  /** In the order of the data. */
  readonly entries: readonly (readonly [string, HeaderEntry])[];
  readonly metadata: Readonly<Record<string, string>>;
}

const BYTES: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 };

const METADATA = '__metadata__';

/** One read call takes less than 2 GiB. */
const READ_CHUNK = 2 ** 30;

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
  const header: Record<string, unknown> = { [METADATA]: metadata };
  let offset = 0;
  for (const { name, shape, values } of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const start = new Uint8Array(8 + headerLength).fill(0x20, 8);
  new DataView(start.buffer).setBigUint64(0, BigInt(headerLength), true);
  start.set(json, 8);
  // in pieces: the data may be larger than one array can be
  writeFileAtomic(path, [
    start,
    ...tensors.map(({ values }) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  ]);
}

/**
 * Reads all tensors as float32 (F32, F16 and BF16 on disk).
 *
 * @throws ConfigError if the file is missing, cut short, or not a safetensors file: as the reference
 * implementation, it takes no gaps and no overlaps between tensors and nothing after the last one
 */
export function readSafetensors(path: string): SafetensorsFile {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    return readOpen(path, fd);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(
      `${path}: expected a safetensors file, but it cannot be read (${cause instanceof Error ? cause.message : String(cause)})`,
      { cause, code: 'TROUPE_SAFETENSORS' },
    );
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function readOpen(path: string, fd: number): SafetensorsFile {
  const { size } = fstatSync(fd);
  if (size < 8) throw damaged(path, `expected at least 8 bytes, got ${size}`);
  const prefix = readBytes(path, fd, { from: 0, to: 8 });
  const headerLength = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  const start = 8 + headerLength;
  if (start > size) throw damaged(path, `header says ${headerLength} bytes, the file has ${size - 8}`);
  const header = parseHeader(path, readBytes(path, fd, { from: 8, to: start }));
  checkLayout(path, header, size - start);
  const tensors = new Map<string, FloatTensor>();
  for (const [name, { dtype, shape, data_offsets }] of header.entries) {
    const [from, to] = data_offsets;
    const bytes = readBytes(path, fd, { from: start + from, to: start + to });
    tensors.set(name, { shape, values: toFloat32(bytes, dtype) });
  }
  return { tensors, metadata: header.metadata };
}

/** A file whose bytes contradict each other. */
function damaged(path: string, what: string): ConfigError {
  return new ConfigError(`${path}: ${what}; the file is damaged or was cut short, fetch or write it again`, {
    code: 'TROUPE_SAFETENSORS',
  });
}

function readBytes(
  path: string,
  fd: number,
  range: { readonly from: number; readonly to: number },
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(range.to - range.from);
  let done = 0;
  while (done < bytes.length) {
    const length = Math.min(READ_CHUNK, bytes.length - done);
    const count = readSync(fd, bytes, done, length, range.from + done);
    if (count === 0) throw damaged(path, `expected ${range.to} bytes, got ${range.from + done}`);
    done += count;
  }
  return bytes;
}

function parseHeader(path: string, bytes: Uint8Array): Header {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw damaged(path, 'the header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw damaged(path, 'the header is not a JSON object');
  const { [METADATA]: metadata = {}, ...rest } = header as Readonly<Record<string, unknown>>;
  if (!isStringRecord(metadata)) throw damaged(path, "the header's metadata is not pairs of strings");
  const entries = Object.entries(rest).map(([name, value]) => {
    if (!isHeaderEntry(value)) throw damaged(path, `the header entry of tensor "${name}" is malformed`);
    return [name, value] as const;
  });
  entries.sort(
    ([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
  );
  return { entries, metadata };
}

function isStringRecord(value: unknown): value is Readonly<Record<string, string>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((text) => typeof text === 'string')
  );
}

function isHeaderEntry(value: unknown): value is HeaderEntry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Partial<HeaderEntry>;
  const isSize = (size: unknown): boolean => Number.isSafeInteger(size) && (size as number) >= 0;
  return (
    typeof dtype === 'string' &&
    Array.isArray(shape) &&
    shape.every(isSize) &&
    Array.isArray(offsets) &&
    offsets.length === 2 &&
    offsets.every(isSize)
  );
}

/** Every tensor as long as its shape says, one right after the other, the last one ending with the file. */
function checkLayout(path: string, { entries }: Header, dataLength: number): void {
  let expected = 0;
  for (const [name, { dtype, shape, data_offsets }] of entries) {
    const [from, to] = data_offsets;
    const width = BYTES[dtype];
    if (width === undefined)
      throw new ConfigError(
        `${path}: tensor "${name}": expected dtype ${Object.keys(BYTES).join(', ')}, got ${dtype}; convert the file to one of these`,
        { code: 'TROUPE_SAFETENSORS' },
      );
    const needed = shape.reduce((product, length) => product * length, width);
    if (to - from !== needed)
      throw damaged(path, `tensor "${name}" has ${to - from} bytes, its shape [${shape}] needs ${needed}`);
    if (from !== expected)
      throw damaged(
        path,
        `tensor "${name}" begins at byte ${from} of the data, the one before it ends at ${expected}`,
      );
    expected = to;
  }
  if (expected !== dataLength)
    throw damaged(path, `the tensors take ${expected} bytes, the file has ${dataLength} after its header`);
}

function toFloat32({ buffer }: Uint8Array<ArrayBuffer>, dtype: string): Float32Array {
  if (dtype === 'F32') return new Float32Array(buffer);
  const halves = new Uint16Array(buffer);
  const values = new Float32Array(halves.length);
  if (dtype === 'BF16') {
    const bits = new Uint32Array(values.buffer);
    for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] as number) << 16;
  } else for (let i = 0; i < halves.length; i++) values[i] = fromFloat16(halves[i] as number);
  return values;
}

function fromFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
