import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from './errors.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-safetensors-'));
  path = join(dir, 'x.safetensors');
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

/** Writes a file from header and data without checks and without padding of the header. */
function writeRaw(header: unknown, data: Uint8Array, headerLength?: number): void {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(headerLength ?? json.length));
  fs.writeFileSync(path, Buffer.concat([length, json, data]));
}

function entry(dtype: string, shape: readonly number[], from: number, to: number): unknown {
  return { dtype, shape, data_offsets: [from, to] };
}

const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const bits = (values: Float32Array = new Float32Array()): Uint32Array =>
  new Uint32Array(values.slice().buffer);
const halves = (...bits: number[]): Uint8Array => new Uint8Array(Uint16Array.from(bits).buffer);

describe('a file written and read again', () => {
  it('preserves names, shapes, bits and metadata', () => {
    const names = fc.string().filter((name) => name !== '__metadata__' && name !== '__proto__');
    const named = fc
      .tuple(names, fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }))
      .chain(([name, shape]) => {
        const count = shape.reduce((product, size) => product * size, 1);
        const values = fc.float32Array({ minLength: count, maxLength: count });
        return fc.record({ name: fc.constant(name), shape: fc.constant(shape), values });
      });
    fc.assert(
      fc.property(fc.uniqueArray(named, { maxLength: 4, selector: ({ name }) => name }), (tensors) => {
        writeSafetensors(path, tensors, { step: '7' });
        const file = readSafetensors(path);
        expect(file.metadata).toEqual({ step: '7' });
        expect(file.tensors.size).toBe(tensors.length);
        for (const { name, shape, values } of tensors) {
          const read = file.tensors.get(name);
          expect(read?.shape).toEqual(shape);
          // the bits are compared, so that the payloads of NaNs are included
          expect(bits(read?.values)).toEqual(bits(values));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('has the exact bytes of the format', () => {
    writeSafetensors(path, [
      { name: 'a', shape: [2], values: Float32Array.of(1, -2) },
      { name: 'b', shape: [], values: Float32Array.of(0.5) },
    ]);
    const header =
      '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},' +
      '"b":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}';
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(padded.length));
    const expected = Buffer.concat([length, Buffer.from(padded), floats(1, -2, 0.5)]);
    expect(fs.readFileSync(path).equals(expected)).toBe(true);
  });

  it('accepts a part of a larger array', () => {
    const all = Float32Array.of(1, 2, 3, 4);
    writeSafetensors(path, [{ name: 'middle', shape: [2], values: all.subarray(1, 3) }]);
    expect(readSafetensors(path).tensors.get('middle')?.values).toEqual(Float32Array.of(2, 3));
  });

  it('may be empty', () => {
    writeSafetensors(path, []);
    expect(readSafetensors(path)).toEqual({ tensors: new Map(), metadata: { format: 'pt' } });
  });
});

describe('reading', () => {
  it('converts float16: zeros, denormals, the maximum, infinities, NaN', () => {
    // expected values: np.array([...], dtype=np.uint16).view(np.float16).astype(np.float32) in NumPy
    const patterns = [
      0x0000, 0x8000, 0x0001, 0x83ff, 0x0400, 0x3c00, 0x3555, 0xc000, 0x7bff, 0x7c00, 0xfc00, 0x7e00,
    ];
    writeRaw({ h: entry('F16', [12], 0, 24) }, halves(...patterns));
    const expected = [
      0,
      -0,
      2 ** -24,
      -1023 * 2 ** -24,
      2 ** -14,
      1,
      0.333251953125,
      -2,
      65504,
      Infinity,
      -Infinity,
      NaN,
    ];
    expect([...readSafetensors(path).tensors.get('h')!.values]).toEqual(expected);
  });

  it('converts bfloat16', () => {
    // the patterns are the upper halves of the float32 bits of 1, -2, 3.140625, 2^-133, Infinity and a NaN
    writeRaw({ h: entry('BF16', [2, 3], 0, 12) }, halves(0x3f80, 0xc000, 0x4049, 0x0001, 0x7f80, 0x7fc0));
    const { shape, values } = readSafetensors(path).tensors.get('h')!;
    expect(shape).toEqual([2, 3]);
    expect([...values]).toEqual([1, -2, 3.140625, 2 ** -133, Infinity, NaN]);
  });

  it('needs no alignment: header of odd length, float32 after a single float16', () => {
    const header = { a: entry('F16', [1], 0, 2), b: entry('F32', [2], 2, 10) };
    writeRaw(`${JSON.stringify(header)} `.padEnd(101), Buffer.concat([halves(0x3c00), floats(3, 4)]));
    const { tensors } = readSafetensors(path);
    expect(tensors.get('a')?.values).toEqual(Float32Array.of(1));
    expect(tensors.get('b')?.values).toEqual(Float32Array.of(3, 4));
  });

  it('accepts headers in any order and without metadata', () => {
    writeRaw({ b: entry('F32', [1], 4, 8), a: entry('F32', [1], 0, 4) }, floats(1, 2));
    const { tensors, metadata } = readSafetensors(path);
    expect(tensors.get('a')?.values).toEqual(Float32Array.of(1));
    expect(tensors.get('b')?.values).toEqual(Float32Array.of(2));
    expect(metadata).toEqual({});
  });
});

describe('an invalid file is rejected with one line', () => {
  const tooShort = 'the file is damaged or was cut short, fetch or write it again';

  function rejection(): string {
    try {
      readSafetensors(path);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      const { message } = error as ConfigError;
      expect(message).not.toContain('\n');
      expect(message.startsWith(`${path}: `)).toBe(true);
      return message.slice(path.length + 2);
    }
    throw new Error('expected the file to be rejected');
  }

  it('missing, or a folder', () => {
    expect(rejection()).toMatch(/^expected a safetensors file, but it cannot be read \(ENOENT/);
    fs.mkdirSync(path);
    expect(rejection()).toMatch(/^expected a safetensors file, but it cannot be read \(EISDIR/);
  });

  it('truncated at any byte', () => {
    writeSafetensors(path, [
      { name: 'a', shape: [3], values: Float32Array.of(1, 2, 3) },
      { name: 'b', shape: [2, 1], values: Float32Array.of(4, 5) },
    ]);
    const complete = fs.readFileSync(path);
    for (let length = 0; length < complete.length; length++) {
      fs.writeFileSync(path, complete.subarray(0, length));
      expect(rejection(), `${length} of ${complete.length} bytes`).toContain(tooShort);
    }
  });

  it.each<[string, string | object, Uint8Array, RegExp]>([
    ['no JSON', 'hello', floats(), /^the header is not JSON;/],
    ['a list for a header', '[]', floats(), /^the header is not a JSON object;/],
    ['null for a header', 'null', floats(), /^the header is not a JSON object;/],
    ['metadata of numbers', { __metadata__: { step: 3 } }, floats(), /metadata is not pairs of strings;/],
    ['a number for an entry', { a: 3 }, floats(), /entry of tensor "a" is malformed;/],
    ['null for an entry', { a: null }, floats(), /entry of tensor "a" is malformed;/],
    ['a negative size', { a: entry('F32', [-1], 0, 4) }, floats(1), /entry of tensor "a" is malformed;/],
    ['a fractional size', { a: entry('F32', [0.5], 0, 2) }, floats(1), /entry of tensor "a" is malformed;/],
    ['one offset', { a: { dtype: 'F32', shape: [1], data_offsets: [0] } }, floats(1), /"a" is malformed;/],
    [
      'bytes that do not fit the shape',
      { a: entry('F32', [2], 0, 4) },
      floats(1),
      /has 4 bytes, its shape \[2\] needs 8;/,
    ],
    [
      'an end before the beginning',
      { a: entry('F32', [], 4, 0) },
      floats(1),
      /has -4 bytes, its shape \[\] needs 4;/,
    ],
    [
      'a size larger than any file',
      { a: entry('F32', [2 ** 40, 2 ** 40], 0, 4) },
      floats(1),
      /its shape .* needs 4\.8/,
    ],
    [
      'overlapping tensors',
      { a: entry('F32', [2], 0, 8), b: entry('F32', [2], 4, 12) },
      floats(1, 2, 3),
      /tensor "b" begins at byte 4 of the data, the one before it ends at 8;/,
    ],
    [
      'the same bytes twice',
      { a: entry('F32', [1], 0, 4), b: entry('F32', [1], 0, 4) },
      floats(1),
      /tensor "b" begins at byte 0 of the data, the one before it ends at 4;/,
    ],
    ['a gap', { a: entry('F32', [1], 4, 8) }, floats(1, 2), /tensor "a" begins at byte 4 .* ends at 0;/],
    [
      'bytes after the last tensor',
      { a: entry('F32', [1], 0, 4) },
      floats(1, 2),
      /take 4 bytes, the file has 8/,
    ],
  ])('%s', (_, header, data, line) => {
    writeRaw(header, data);
    expect(rejection()).toMatch(line);
    expect(rejection()).toContain(tooShort);
  });

  it('a header longer than the file, for any declared length', () => {
    for (const length of [100, 2 ** 40]) {
      writeRaw({}, floats(), length);
      expect(rejection()).toContain(`header says ${length} bytes, the file has 2;`);
    }
  });

  it('an unsupported number format, which is not reported as damage', () => {
    writeRaw({ a: entry('I64', [1], 0, 8) }, floats(0, 0));
    expect(rejection()).toBe(
      'tensor "a": expected dtype F32, F16, BF16, got I64; convert the file to one of these',
    );
  });
});
