/**
 * Loads TypeScript in the scripts and benchmarks of this repository: `node --import ./scripts/typescript.mjs FILE.ts`.
 * The hooks are those that load a user's task module.
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
