import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from './errors.ts';
import { streamSafetensors, writeSafetensors } from './safetensors.ts';
import { openWeightFiles } from './weight-files.ts';

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-weights-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

const A = Float32Array.of(1, 2, 3, 4);
const B = Float32Array.of(-1.5, 0.25);

/** Writes two shards and their index. */
function writeShards(changes: Readonly<Record<string, unknown>> = {}): void {
  writeSafetensors(join(dir, 'model-00001-of-00002.safetensors'), [{ name: 'a', shape: [2, 2], values: A }]);
  streamSafetensors(
    join(dir, 'model-00002-of-00002.safetensors'),
    [{ name: 'b', shape: [2], values: () => B }],
    { dtype: 'BF16' },
  );
  writeIndex({
    a: 'model-00001-of-00002.safetensors',
    b: 'model-00002-of-00002.safetensors',
    ...changes,
  });
}

function writeIndex(weight_map: unknown): void {
  fs.writeFileSync(join(dir, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map }));
}

function rejection(): string {
  try {
    openWeightFiles(dir).close();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).not.toContain('\n');
    return (error as ConfigError).message.replaceAll(dir, 'DIR');
  }
  throw new Error('expected the folder to be rejected');
}

describe('the weights of a folder', () => {
  it('can be read from shards like from one file', () => {
    writeShards();
    const files = openWeightFiles(dir);
    expect(Object.fromEntries(files.tensors)).toEqual({
      a: { dtype: 'F32', shape: [2, 2] },
      b: { dtype: 'BF16', shape: [2] },
    });
    expect(files.read('a')?.values).toEqual(A);
    const into = new Float32Array(2);
    files.readInto('b', into);
    expect(into).toEqual(B);
    expect([...files.readBytes('b')]).toEqual([0xc0, 0xbf, 0x80, 0x3e]);
    expect(files.read('c')).toBeUndefined();
    expect(() => files.readInto('c', into)).toThrow('expected a tensor "c", got none');
    expect(() => files.readInto('a', into)).toThrow('expected 4 numbers for "a", got 2');
    files.close();
  });

  it('are those of the single file if both exist', () => {
    writeShards();
    writeSafetensors(join(dir, 'model.safetensors'), [{ name: 'x', shape: [4], values: A }]);
    const files = openWeightFiles(dir);
    expect([...files.tensors.keys()]).toEqual(['x']);
    files.close();
  });
});

describe('inconsistent shards are rejected with one line', () => {
  it('a shard that is missing', () => {
    writeShards();
    fs.rmSync(join(dir, 'model-00002-of-00002.safetensors'));
    expect(rejection()).toBe(
      'DIR/model-00002-of-00002.safetensors: the file is missing; model.safetensors.index.json lists 1 tensors in it; download it again',
    );
  });

  it('a truncated shard', () => {
    writeShards();
    fs.truncateSync(join(dir, 'model-00001-of-00002.safetensors'), 100);
    expect(rejection()).toMatch(
      /^DIR\/model-00001-of-00002\.safetensors: .* cut short, fetch or write it again$/,
    );
  });

  it.each([
    '../model-00001-of-00002.safetensors',
    '/etc/model.safetensors',
    'a/../../b.safetensors',
    '..\\b.safetensors',
    'c:b.safetensors',
    '..',
    'model-00001-of-00002.bin',
    3,
    null,
  ])('an index that names %j', (file) => {
    writeShards({ b: file });
    expect(rejection()).toBe(
      `DIR/model.safetensors.index.json: tensor "b": expected the name of a .safetensors file in the same folder, got ${JSON.stringify(file)}`,
    );
  });

  it('an index with a wrong shard of a tensor', () => {
    writeShards({ c: 'model-00001-of-00002.safetensors' });
    expect(rejection()).toBe(
      'DIR/model.safetensors.index.json: tensor "c" is not in model-00001-of-00002.safetensors, where the index lists it; download both again',
    );
  });

  it('a tensor in two shards', () => {
    writeShards();
    writeSafetensors(join(dir, 'model-00002-of-00002.safetensors'), [
      { name: 'a', shape: [4], values: A },
      { name: 'b', shape: [2], values: B },
    ]);
    expect(rejection()).toMatch(
      /tensor "a" is in \S+00001-of-00002\.safetensors and in \S+00002-of-00002\.safetensors;/,
    );
  });

  it.each(['[', 'null', '{}', '{"weight_map":[]}'])('an index with the contents %s', (text) => {
    writeShards();
    fs.writeFileSync(join(dir, 'model.safetensors.index.json'), text);
    expect(rejection()).toMatch(/^DIR\/model\.safetensors\.index\.json: expected /);
  });
});

describe('a pickle is never read', () => {
  it.each(['pytorch_model.bin', 'model.pt', 'consolidated.00.pth'])('%s in place of safetensors', (name) => {
    fs.writeFileSync(join(dir, name), 'cos\nsystem\n');
    expect(rejection()).toBe(
      `DIR/${name}: expected weights in model.safetensors, got a pickle, which is never read because reading one can run code; convert the weights to safetensors`,
    );
  });

  it.each([
    ['a zip archive, as torch.save writes', [0x50, 0x4b, 3, 4, 0, 0, 8, 8, 0, 0]],
    ['a bare pickle', [0x80, 4, 0x95, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x28]],
  ])('%s with the file name of safetensors', (_, bytes) => {
    fs.writeFileSync(join(dir, 'model.safetensors'), Uint8Array.from(bytes));
    expect(rejection()).toMatch(
      /^DIR\/model\.safetensors: expected safetensors, got a pickle, which is never read/,
    );
  });

  it('a folder without weights names the missing file', () => {
    expect(rejection()).toBe('DIR/model.safetensors: the file is missing; a model folder needs its weights');
  });
});
