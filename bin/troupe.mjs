#!/usr/bin/env node
/**
 * Runs the command line straight from its TypeScript source, without a build step.
 */
import { existsSync } from 'node:fs';

if (!existsSync(new URL('../node_modules/tsx/package.json', import.meta.url))) {
  console.error('troupe: expected its dependencies, got none; run "node scripts/ensure-installed.mjs"');
  process.exit(2);
}
const { register } = await import('tsx/esm/api');
register();
const { main } = await import('../src/cli/main.ts');
process.exitCode = await main(process.argv.slice(2));
