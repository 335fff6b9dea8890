import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { whileLocked } from './brief-lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'troupe-brief-lock-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('keeps the lock during the work and releases it also after an error', () => {
  const path = join(folder, 'a');
  expect(whileLocked(path, () => existsSync(`${path}.lock`))).toBe(true);
  expect(existsSync(`${path}.lock`)).toBe(false);
  expect(() =>
    whileLocked(path, () => {
      throw new Error('broken');
    }),
  ).toThrow('broken');
  expect(existsSync(`${path}.lock`)).toBe(false);
});

it('waits for the lock of another process and fails after the timeout', () => {
  const path = join(folder, 'b');
  writeFileSync(`${path}.lock`, '');
  let worked = false;
  const work = (): void => {
    worked = true;
  };
  expect(() => whileLocked(path, work, { timeoutMs: 30, staleMs: 1e9 })).toThrow(
    /^.*b: expected the lock .*b\.lock to be released soon, but another program keeps it; /,
  );
  expect(worked).toBe(false);
  expect(existsSync(`${path}.lock`)).toBe(true);
});

it('takes over the lock of a killed program', () => {
  const path = join(folder, 'c');
  writeFileSync(`${path}.lock`, '');
  const longAgo = Date.now() / 1000 - 60;
  utimesSync(`${path}.lock`, longAgo, longAgo);
  expect(whileLocked(path, () => 7)).toBe(7);
});

it('fails like a write if the folder cannot be written', () => {
  const path = join(folder, 'nowhere', 'd');
  expect(() => whileLocked(path, () => 7)).toThrow(
    /^.*d: expected to write it, but ENOENT: .*; check that the folder is writable$/,
  );
});
