/**
 * Writes `docs/config.md` and `docs/schema.json` from the configuration schema.
 * Run it after changing `src/config/sections.ts`; a test fails until then.
 * @module
 */
import { fileURLToPath } from 'node:url';
import { configMarkdown, configSchemaFile } from '../src/config/docs.ts';
import { writeFileAtomic } from '../src/support/atomic-file.ts';

const files = [
  [new URL('../docs/config.md', import.meta.url), configMarkdown()],
  [new URL('../docs/schema.json', import.meta.url), configSchemaFile()],
] as const;
for (const [url, text] of files) writeFileAtomic(fileURLToPath(url), text);
