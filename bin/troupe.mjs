#!/usr/bin/env node
/**
 * Runs the command line from `dist`. In a checkout, `dist` is brought up to date first.
 */
import { existsSync } from 'node:fs';

const builder = new URL('../scripts/ensure-built.mjs', import.meta.url);
if (existsSync(builder)) {
  const { default: ensureBuilt } = await import(builder.href);
  await ensureBuilt().catch((error) => {
    console.error(`troupe: ${error.message}`);
    process.exit(2);
  });
}
const { main } = await import('../dist/cli/main.js');
process.exitCode = await main(process.argv.slice(2));
