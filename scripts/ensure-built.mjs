/**
 * Transpiles `src` to `dist` if `dist` is missing or older than `src`, which takes about a second. Otherwise
 * it does nothing, in a few milliseconds. Only checkouts have this file; an installed package is already
 * built.
 */
import { buildJavaScript, isBuilt } from './build/javascript.mjs';

/**
 * Builds `dist` if it is stale. Vitest calls this function once before the tests.
 *
 * @throws Error with a message of one line if esbuild is not installed or a source cannot be read
 */
export default async function ensureBuilt() {
  if (isBuilt()) return;
  try {
    await buildJavaScript();
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error('expected the locked dependencies, got none; run "node scripts/ensure-installed.mjs"');
  }
}
