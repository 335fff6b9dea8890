import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { expandHome } from './home-folder.ts';

it.each([
  ['~', homedir()],
  ['~/models/base', join(homedir(), 'models', 'base')],
  ['~name/base', '~name/base'],
  ['a/~/base', 'a/~/base'],
  ['', ''],
])('expands %j', (path, expanded) => {
  expect(expandHome(path)).toBe(expanded);
});
