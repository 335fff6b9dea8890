import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { whileLocked } from './brief-lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'troupe-brief-lock-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('holds the file while the work is done, and lets go of it whatever comes of that', () => {
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

it('does not begin while another holds it, and says so in the end', () => {
  const path = join(folder, 'b');
  writeFileSync(`${path}.lock`, '');
  let worked = false;
  const work = (): void => {
    worked = true;
  };
  expect(() => whileLocked(path, work, { patienceMs: 30, staleMs: 1e9 })).toThrow(
    /^.*b: expected a file that is changed within moments, but another program holds .*b\.lock; /,
  );
  expect(worked).toBe(false);
  expect(existsSync(`${path}.lock`)).toBe(true);
});

it('takes over what a killed program left behind', () => {
  const path = join(folder, 'c');
  writeFileSync(`${path}.lock`, '');
  const longAgo = Date.now() / 1000 - 60;
  utimesSync(`${path}.lock`, longAgo, longAgo);
  expect(whileLocked(path, () => 7)).toBe(7);
});

it('says where nothing can be written, as a write itself would', () => {
  const path = join(folder, 'nowhere', 'd');
  expect(() => whileLocked(path, () => 7)).toThrow(
    /^.*d: expected to write it, but ENOENT: .*; check that the folder is writable$/,
  );
});
