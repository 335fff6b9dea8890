/**
 * The version of this package, from its package.json.
 * @module
 */
import { readFileSync } from 'node:fs';
import { packageFile } from '../support/package-root.ts';

/** `0.1.0`. */
export function packageVersion(): string {
  const text = readFileSync(packageFile('package.json'), 'utf8');
  return String((JSON.parse(text) as { readonly version: unknown }).version);
}
