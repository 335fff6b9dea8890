import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { packageFile } from './package-root.ts';

it('finds files beside the code, whatever the current folder is', () => {
  const { name } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8'));
  expect(name).toBe('troupe');
  expect(existsSync(packageFile('recipes/quickstart.yaml'))).toBe(true);
  expect(packageFile('')).toMatch(/[\\/]$/);
});
