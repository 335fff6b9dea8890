import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readFailure } from './read-failure.ts';

function failureOf(path: string): unknown {
  try {
    readFileSync(path);
  } catch (error) {
    return error;
  }
  throw new Error(`${path} was read`);
}

it('describes why a file cannot be read', () => {
  expect(readFailure(failureOf('/nowhere/file'))).toBe('nothing there');
  expect(readFailure(failureOf('/'))).toBe('a folder');
  expect(readFailure(failureOf('/'), 'a folder; name a file')).toBe('a folder; name a file');
  const denied = Object.assign(new Error('denied'), { errno: -13, code: 'EACCES' });
  expect(readFailure(denied)).toBe('one that this user may not read; change its permissions');
  expect(readFailure(new Error('disk error'))).toBe('one that cannot be read (disk error)');
});
