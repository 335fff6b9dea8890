/**
 * The safetensors format: an 8-byte little-endian header length, a JSON header, raw little-endian data.
 * Reading checks every length and offset, so a file cut short is refused with one clear line.
 * @see https://github.com/huggingface/safetensors#format
 * @module
 */
import { readFileSync } from 'node:fs';
import { writeFileAtomic } from './atomic-file.ts';
import { ConfigError } from './errors.ts';

/** A float32 tensor in memory, row-major. */
export interface FloatTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const BYTES: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 };

/**
 * Writes tensors as float32, atomically.
 *
 * @param tensors - in the order they are laid out
 * @param metadata - string pairs of the header
 */
export function writeSafetensors(
  path: string,
  tensors: readonly (FloatTensor & { readonly name: string })[],
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): void {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const { name, shape, values } of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerLength + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true);
  file.fill(0x20, 8, 8 + headerLength);
  file.set(json, 8);
  let position = 8 + headerLength;
  for (const { values } of tensors) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), position);
    position += values.byteLength;
  }
  writeFileAtomic(path, file);
}

/**
 * Reads all tensors as float32 (F32, F16 and BF16 on disk).
 *
 * @throws ConfigError if the file is missing, cut short, or not a safetensors file
 */
export function readSafetensors(path: string): Map<string, FloatTensor> {
  const file = readWhole(path);
  const fail = (what: string): never => {
    throw new ConfigError(`${path}: ${what}; the file is damaged or was cut short, fetch or write it again`, {
      code: 'TROUPE_SAFETENSORS',
    });
  };
  if (file.length < 8) fail(`expected at least 8 bytes, got ${file.length}`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerLength = Number(view.getBigUint64(0, true));
  const start = 8 + headerLength;
  if (start > file.length) fail(`header says ${headerLength} bytes, the file has ${file.length - 8}`);
  const tensors = new Map<string, FloatTensor>();
  for (const [name, entry] of parseHeader(file.subarray(8, start), fail)) {
    const [from, to] = entry.data_offsets;
    const width = BYTES[entry.dtype];
    if (width === undefined)
      fail(`tensor "${name}" has dtype ${entry.dtype}; supported: ${Object.keys(BYTES).join(', ')}`);
    const count = entry.shape.reduce((product, size) => product * size, 1);
    if (to - from !== count * (width as number))
      fail(
        `tensor "${name}" has ${to - from} bytes, its shape [${entry.shape}] needs ${count * (width as number)}`,
      );
    if (start + to > file.length)
      fail(`tensor "${name}" ends at byte ${start + to}, the file has ${file.length}`);
    const bytes = file.slice(start + from, start + to);
    tensors.set(name, { shape: entry.shape, values: toFloat32(bytes, entry.dtype) });
  }
  return tensors;
}

function readWhole(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ConfigError(
      `${path}: cannot be read (${cause instanceof Error ? cause.message : String(cause)})`,
      { cause },
    );
  }
}

function parseHeader(bytes: Uint8Array, fail: (what: string) => never): [string, HeaderEntry][] {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return fail('the header is not JSON');
  }
  if (typeof header !== 'object' || header === null) return fail('the header is not a JSON object');
  return Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]): [string, HeaderEntry] => {
      const entry = value as Partial<HeaderEntry> | null;
      const offsets = entry?.data_offsets;
      const valid =
        typeof entry?.dtype === 'string' &&
        Array.isArray(entry.shape) &&
        entry.shape.every((size) => Number.isSafeInteger(size) && size >= 0) &&
        Array.isArray(offsets) &&
        offsets.length === 2 &&
        offsets.every((offset) => Number.isSafeInteger(offset) && offset >= 0);
      return valid ? [name, entry as HeaderEntry] : fail(`the header entry of tensor "${name}" is malformed`);
    });
}

function toFloat32(bytes: Uint8Array, dtype: string): Float32Array {
  if (dtype === 'F32') return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
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
