import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { load, MARK, resolve, stripTypes } from './typescript-hooks.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hooks-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

describe('types', () => {
  it('are replaced by spaces, so that lines and columns do not change', () => {
    expect(stripTypes('const a: number = 1;\ntype B = 2;\nexport { a };', 'x.ts')).toBe(
      'const a         = 1;\n           \nexport { a };',
    );
  });

  it.each([
    ['const a = 1;\nlet x: = 4;', /^\/a\/x\.ts:2: Unexpected token `=`/],
    ['\n\nenum A { b }', /^\/a\/x\.ts:3: TypeScript enum is not supported/],
  ])('that cannot be parsed are an error with file and line: %j', (source, message) => {
    expect(() => stripTypes(source, '/a/x.ts')).toThrow(message);
  });
});

describe('hooks', () => {
  const found = (url: string) => () => ({ url });

  it('pass the mark on to relative imports of TypeScript, and to nothing else', () => {
    const context = { parentURL: `file:///a/task.ts${MARK}` };
    expect(resolve('./b.ts', context, found('file:///a/b.ts'))).toEqual({ url: `file:///a/b.ts${MARK}` });
    expect(resolve('./b.js', context, found('file:///a/b.js'))).toEqual({ url: 'file:///a/b.js' });
    expect(resolve('./b.ts', { parentURL: 'file:///a/c.ts' }, found('file:///a/b.ts'))).toEqual({
      url: 'file:///a/b.ts',
    });
  });

  it('support asynchronous resolution', async () => {
    const context = { parentURL: `file:///a/task.ts${MARK}` };
    const next = async () => ({ url: 'file:///a/b.ts' });
    expect(await resolve('./b.ts', context, next)).toEqual({ url: `file:///a/b.ts${MARK}` });
  });

  it('load a marked file as an ES module, also in folders in which Node strips no types', () => {
    const folder = join(dir, 'node_modules', 'x');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"type": "commonjs"}');
    writeFileSync(join(folder, 'task.ts'), 'export const a: number = 1;');
    const fail = (): never => {
      throw new Error('the next loader was called');
    };
    expect(load(pathToFileURL(join(folder, 'task.ts')).href + MARK, {}, fail)).toEqual({
      format: 'module',
      source: 'export const a         = 1;',
      shortCircuit: true,
    });
  });

  it('pass other modules to the next loader', () => {
    const next = (url: string) => ({ format: 'json', source: url });
    for (const url of ['file:///a/b.js', 'file:///a/b.ts', `file:///a/b.js${MARK}`, 'node:fs'])
      expect(load(url, {}, next)).toEqual({ format: 'json', source: url });
  });
});
