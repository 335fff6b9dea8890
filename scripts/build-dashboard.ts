/**
 * Builds the dashboard's page from web/dashboard/src into web/dashboard/built, which is committed, so that
 * users need no build step. A test builds it again and compares.
 *
 * Usage: npm run build:dashboard
 */
import { writeFileSync } from 'node:fs';
import { buildDashboard } from '../web/dashboard/build.ts';

for (const { name, text } of await buildDashboard()) {
  writeFileSync(new URL(`../web/dashboard/built/${name}`, import.meta.url), text);
  console.log(`web/dashboard/built/${name}  ${(text.length / 1024).toFixed(1)} kB`);
}
