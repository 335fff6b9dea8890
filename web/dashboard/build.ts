/**
 * Builds the dashboard's page. The result is three files, which are byte-identical on every machine.
 * @module
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export interface BuiltFile {
  readonly name: string;
  readonly text: string;
}

/** Returns the files `index.html`, `app.js` and `app.css`. */
export async function buildDashboard(): Promise<BuiltFile[]> {
  const root = fileURLToPath(new URL('.', import.meta.url));
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: { app: 'src/main.tsx' },
    outdir: 'built',
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'inline',
    banner: {
      js: '/* With preact and uplot (MIT) and diff (BSD-3-Clause). Built by npm run build:dashboard. */',
    },
  });
  const built = outputFiles.map(({ path, text }) => ({ name: path.split(/[\\/]/).at(-1) ?? '', text }));
  return [{ name: 'index.html', text: readFileSync(`${root}/src/index.html`, 'utf8') }, ...built];
}
