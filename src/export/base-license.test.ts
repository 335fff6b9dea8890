import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { baseLicense, licenseOf } from './base-license.ts';

it('reads the licence from the metadata of a model card', () => {
  expect(licenseOf('---\nlicense: apache-2.0\ntags:\n- x\n---\n# A')).toEqual({ license: 'apache-2.0' });
  expect(licenseOf('---\nlicense:\n- mit\n---\n')).toEqual({ license: 'mit' });
  const other = '---\nlicense: other\nlicense_name: qwen-research\nlicense_link: https://x.org\n---\n';
  expect(licenseOf(other)).toEqual({ license: 'other', name: 'qwen-research' });
  expect(licenseOf('# license: mit\n')).toBeUndefined();
  expect(licenseOf('---\ntags:\n- x\n---\nlicense: mit\n')).toBeUndefined();
});

it('reads the licence of a folder from its card, else from its licence file', () => {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-license-'));
  const folder = (name: string, files: Readonly<Record<string, string>>): string => {
    mkdirSync(join(dir, name));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(dir, name, file), text);
    return join(dir, name);
  };
  try {
    const apache = '\n        Apache License\n     Version 2.0, January 2004\n';
    expect(baseLicense(folder('card', { 'README.md': '---\nlicense: mit\n---\n', LICENSE: apache }))).toEqual(
      {
        ...{ license: 'mit', source: 'README.md' },
      },
    );
    expect(baseLicense(folder('file', { 'README.md': '# A', LICENSE: apache }))).toEqual({
      ...{ license: 'apache-2.0', source: 'LICENSE' },
    });
    expect(baseLicense(folder('own', { 'LICENCE.txt': '\nTerms of Example\n...' }))).toEqual({
      ...{ license: 'other', name: 'Terms of Example', source: 'LICENCE.txt' },
    });
    expect(baseLicense(folder('none', { 'config.json': '{}' }))).toBeUndefined();
    expect(baseLicense(join(dir, 'absent'))).toBeUndefined();
  } finally {
    rmSync(dir, { recursive: true });
  }
});
