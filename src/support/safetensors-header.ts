/**
 * Parses the header of a safetensors file: an 8-byte little-endian length, and JSON with the type, shape and
 * position of each tensor. All lengths and offsets are checked, so truncated files and inconsistent headers
 * are rejected.
 * @see https://github.com/huggingface/safetensors#format
 * @module
 */
import { ConfigError } from './errors.ts';
import { FLOAT_BYTES, type FloatDtype, isFloatDtype } from './float16.ts';

export const METADATA = '__metadata__';

/** Entry of a tensor in the header. */
export interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Offsets of the tensor's first byte and of the byte after its last, relative to the start of the data. */
  readonly data_offsets: readonly [number, number];
}

export interface Header {
  /** Names and entries of the tensors, in the order of their data in the file. */
  readonly entries: readonly (readonly [string, HeaderEntry & { readonly dtype: FloatDtype }])[];
  /** Pairs of strings under the key `__metadata__`; may be empty. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Returns the error about an inconsistent file. */
export function damaged(path: string, problem: string): ConfigError {
  return new ConfigError(
    `${path}: ${problem}; the file is damaged or was cut short, fetch or write it again`,
    {
      code: 'TROUPE_SAFETENSORS',
    },
  );
}

/**
 * Parses and checks a header.
 *
 * @param path - path of the file, for messages
 * @param bytes - JSON of the header
 * @param dataLength - number of bytes after the header
 * @throws ConfigError if the header is invalid. Like the reference implementation, it allows no gaps and no
 *   overlaps between tensors, and no bytes after the last tensor.
 */
export function parseHeader(path: string, bytes: Uint8Array, dataLength: number): Header {
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
    return [name, { ...value, dtype: floatDtype(path, name, value.dtype) }] as const;
  });
  entries.sort(
    ([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
  );
  checkLayout(path, entries, dataLength);
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

/**
 * Checks that every tensor has as many bytes as its shape needs, that tensors follow each other without gaps,
 * and that the last one ends with the file.
 */
function checkLayout(path: string, entries: Header['entries'], dataLength: number): void {
  let expected = 0;
  for (const [name, { dtype, shape, data_offsets }] of entries) {
    const [from, to] = data_offsets;
    const needed = shape.reduce((product, length) => product * length, FLOAT_BYTES[dtype]);
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

function floatDtype(path: string, name: string, dtype: string): FloatDtype {
  if (isFloatDtype(dtype)) return dtype;
  const known = Object.keys(FLOAT_BYTES).join(', ');
  throw new ConfigError(
    `${path}: tensor "${name}": expected dtype ${known}, got ${dtype}; convert the file to one of these`,
    { code: 'TROUPE_SAFETENSORS' },
  );
}
