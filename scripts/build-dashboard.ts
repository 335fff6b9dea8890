/**
 * Builds the dashboard's page from web/dashboard/src into web/dashboard/built. The built files are committed,
 * so users need no build step; a test rebuilds and compares them.
 *
 * Usage: npm run build:dashboard
 */
import { writeFileSync } from 'node:fs';
import { buildDashboard } from '../web/dashboard/build.ts';

for (const { name, text } of await buildDashboard()) {
  writeFileSync(new URL(`../web/dashboard/built/${name}`, import.meta.url), text);
  console.log(`web/dashboard/built/${name}  ${(text.length / 1024).toFixed(1)} kB`);
}
