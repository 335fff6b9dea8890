import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeError, writeFileAtomic } from './atomic-file.ts';
import { EngineError } from './errors.ts';

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-atomic-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
  code: 'ENOSPC',
  errno: -28,
});

describe('writeFileAtomic', () => {
  it('replaces the file and leaves no temporary file', () => {
    const path = join(dir, 'a');
    writeFileAtomic(path, 'one');
    writeFileAtomic(path, Uint8Array.of(0, 255));
    expect([...fs.readFileSync(path)]).toEqual([0, 255]);
    expect(fs.readdirSync(dir)).toEqual(['a']);
  });

  it('writes pieces in order', () => {
    const path = join(dir, 'a');
    writeFileAtomic(path, [Uint8Array.of(1, 2), new Uint8Array(), Uint8Array.of(3)]);
    expect([...fs.readFileSync(path)]).toEqual([1, 2, 3]);
  });

  it.each(['writeFileSync', 'fsyncSync', 'renameSync'] as const)(
    'keeps the old file if %s fails on a full disk',
    (name) => {
      const path = join(dir, 'a');
      writeFileAtomic(path, 'old');
      const disk = {
        ...fs,
        [name]: () => {
          throw full;
        },
      };
      expect(() => writeFileAtomic(path, 'new', disk)).toThrow(
        `${path}: expected to write it, but the disk is full; the old file is intact; free some space and try again`,
      );
      expect(fs.readFileSync(path, 'utf8')).toBe('old');
      expect(fs.readdirSync(dir)).toEqual(['a']);
    },
  );

  it('mentions no old file if there was none', () => {
    expect(() => writeFileAtomic(join(dir, 'no', 'a'), 'x')).toThrow(
      /no\/a: expected to write it, but ENOENT[^;]*; check/,
    );
  });
});

describe('writeError', () => {
  it('detects a full disk in the cause of another error', () => {
    const error = writeError(
      'p',
      new EngineError('model.safetensors: expected to write it', { cause: full }),
    );
    expect(error).toMatchObject({ code: 'TROUPE_STORE_FULL', exitCode: 2 });
    expect(writeError('p', new Error('bad'))).toMatchObject({ code: 'TROUPE_STORE_WRITE', exitCode: 74 });
  });
});

it.skipIf(process.platform === 'win32')('follows symbolic links, and writes into a pipe', async () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'troupe-atomic-'));
  const [file, link, pipe] = ['file', 'link', 'pipe'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  try {
    fs.writeFileSync(file, 'old');
    fs.symlinkSync('file', link);
    writeFileAtomic(link, 'new');
    expect(fs.lstatSync(link).isSymbolicLink()).toBe(true);
    expect(fs.readFileSync(file, 'utf8')).toBe('new');
    execFileSync('mkfifo', [pipe]);
    const reader = fs.openSync(pipe, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    writeFileAtomic(pipe, 'text');
    const bytes = Buffer.alloc(8);
    expect(bytes.toString('utf8', 0, fs.readSync(reader, bytes))).toBe('text');
    fs.closeSync(reader);
    expect(fs.statSync(pipe).isFIFO()).toBe(true);
    expect(fs.readdirSync(folder).sort()).toEqual(['file', 'link', 'pipe']);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
