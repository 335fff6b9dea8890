/** Checks that `docs/implementation.md` links every source file that states a difference from the paper. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

it('docs/implementation.md links every file that differs from the paper', () => {
  const page = readFileSync(join(root, 'docs/implementation.md'), 'utf8');
  const differing = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(
    (name) =>
      name.endsWith('.ts') &&
      readFileSync(join(root, 'src', name), 'utf8').includes('Differs from the paper'),
  );
  expect(differing.length).toBeGreaterThan(10);
  expect(differing.filter((name) => !page.includes(`](../src/${name})`))).toEqual([]);
});
