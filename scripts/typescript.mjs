/**
 * Registers the hooks that load TypeScript, for the scripts and benchmarks of this repository: `node --import
 * ./scripts/typescript.mjs FILE.ts`. A user's task module is loaded by the same hooks.
 */
import * as nodeModule from 'node:module';
import ensureBuilt from './ensure-built.mjs';

await ensureBuilt();
const url = new URL('../dist/support/typescript-hooks.js', import.meta.url);
if (nodeModule.registerHooks) {
  const { initialize, load, resolve } = await import(url.href);
  initialize({ every: true });
  nodeModule.registerHooks({ load, resolve });
} else nodeModule.register(url, { data: { every: true } });
