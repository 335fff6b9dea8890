/**
 * URL of the loader that `node --import` needs to run TypeScript, for tests that start scripts of this
 * repository.
 * @module
 */
export const TYPESCRIPT = new URL('../scripts/typescript.mjs', import.meta.url).href;
