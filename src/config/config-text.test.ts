import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readConfigText } from './config-text.ts';

const dir = mkdtempSync(join(tmpdir(), 'troupe-config-text-'));
afterAll(() => rmSync(dir, { recursive: true }));
const file = join(dir, 'team.yaml');

function read(bytes: Uint8Array): string {
  writeFileSync(file, bytes);
  return readConfigText(file, 'a team file');
}

it('reads UTF-8, with or without a byte-order mark', () => {
  expect(read(Buffer.from('name: \u00e9\n'))).toBe('name: \u00e9\n');
  expect(read(Buffer.from('\ufeffname: t\r\n'))).toBe('name: t\r\n');
});

it.each([
  ['nothing', Buffer.of(), 'an empty file'],
  ['comments', Buffer.from('# a: 1\n\n---\n  # b\r\n'), 'an empty file, with comments only'],
  ['zero bytes', Buffer.alloc(5), '5 bytes without text'],
  ['zero bytes inside', Buffer.from('a: 1\nb: \0\0'), 'a file with zero bytes, the first in line 2'],
  ['Latin-1', Buffer.from('name: \u00e9', 'latin1'), 'bytes that are not UTF-8 text; save the file as UTF-8'],
])('refuses %s in one line with the file', (_, bytes, got) => {
  expect(() => read(bytes)).toThrow(`${file}: expected a team file, got ${got}`);
});

it('refuses a folder and a missing file', () => {
  expect(() => readConfigText(dir, 'a team file')).toThrow(/expected a team file, got a folder; resume/);
  expect(() => readConfigText(join(dir, 'no'), 'a team file')).toThrow(
    /no: expected a team file, got nothing there$/,
  );
});
