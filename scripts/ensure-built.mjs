/**
 * Transpiles `src` to `dist` when `dist` is missing or older, in about a second; otherwise does nothing, in a few
 * milliseconds. Part of a checkout only: a package comes built.
 */
import { buildJavaScript, isBuilt } from './build/javascript.mjs';

/**
 * Vitest calls it once before the tests.
 *
 * @throws Error of one line where esbuild is not installed, or a source cannot be read
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
