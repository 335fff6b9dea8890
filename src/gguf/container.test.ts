import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openGguf } from './container.ts';

const FIXTURE = fs.readFileSync(join(import.meta.dirname, '../../test/fixtures/gguf/llama.gguf'));
const GIB = 2 ** 30;

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-gguf-container-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

/** Position of the length of an array of the fixture. */
const lengthOf = (key: string): number => FIXTURE.indexOf(key) + key.length + 8;
const number64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};

/** Opens the fixture with a count or length replaced, in a sparse file. */
function opened(at: number, value: number, size = FIXTURE.length): () => unknown {
  const path = join(dir, 'x.gguf');
  fs.writeFileSync(path, Buffer.concat([FIXTURE.subarray(0, at), number64(value), FIXTURE.subarray(at + 8)]));
  fs.truncateSync(path, size);
  return () => openGguf(path);
}

describe('a damaged header is refused without reading more than it can have:', () => {
  const TYPES = lengthOf('tokenizer.ggml.token_type');
  const TOKENS = lengthOf('tokenizer.ggml.tokens');
  it.each([
    ['tensors', 8, 1e9],
    ['keys', 16, 1e9],
    ['the length of a key', 24, 1e9],
    ['numbers of an array', TYPES, 1e9],
    ['strings of an array', TOKENS, 1e9],
  ])('the count of %s', (_, at, value) => {
    expect(opened(at, value)).toThrow(/the GGUF file is damaged: it has \d+ bytes, fewer than its header;/);
    const before = process.memoryUsage().arrayBuffers;
    expect(opened(at, value, 32 * GIB)).toThrow(/is damaged: its header is longer than 256 MiB; download/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(GIB / 8);
  });

  it('tensors without names', () => {
    const path = join(dir, 'x.gguf');
    fs.writeFileSync(path, Buffer.concat([FIXTURE.subarray(0, 8), number64(1e7), number64(0)]));
    fs.truncateSync(path, GIB);
    expect(() => openGguf(path)).toThrow(/it has the tensor "" twice/);
  });
});
