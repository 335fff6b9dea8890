import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { packageFile } from './package-root.ts';

it('finds files of the package independently of the current folder', () => {
  const { name } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8'));
  expect(name).toBe('troupe');
  expect(existsSync(packageFile('recipes/quickstart.yaml'))).toBe(true);
  expect(packageFile('')).toMatch(/[\\/]$/);
});
