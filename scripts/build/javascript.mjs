/**
 * Transpiles each file of `src` to one file of `dist`, so that paths relative to a file stay valid and an
 * import loads only the files that it names. This file is plain JavaScript, because it runs before anything
 * is built.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCE = join(ROOT, 'src');
export const DIST = join(ROOT, 'dist');
/** File with the fingerprint of the sources from which `dist` was built. */
const STAMP = join(DIST, '.built');

/**
 * Entry files that together import all code of the package: the program, the exports of package.json, the
 * hooks of a loader, the file of a thread.
 */
const ENTRIES = [
  'cli/main.ts',
  'index.ts',
  'core/index.ts',
  'engine/index.ts',
  'grade/index.ts',
  'support/typescript-hooks.ts',
  'engine/text/encoder-worker.ts',
];

/** Target of the transpilation: the oldest Node version that package.json allows. */
const TARGET = 'node20.19';

/** Returns whether `dist` was built from the current sources. Takes a few milliseconds. */
export function isBuilt() {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === fingerprint();
}

/**
 * Writes the files of `dist` that differ and removes files without a source. Each file is replaced
 * atomically, so concurrent programs and builds never read a partial file.
 *
 * @returns number of JavaScript files
 * @throws Error with a message of one line if a source cannot be read
 */
export async function buildJavaScript() {
  // computed before the build, so that a source which changes during the build makes `dist` stale
  const made = fingerprint();
  const { build } = await esbuild();
  const common = {
    absWorkingDir: ROOT,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: TARGET,
    // each file is transpiled as it is: unused code is kept
    treeShaking: false,
    ignoreAnnotations: true,
    logLevel: 'silent',
    write: false,
  };
  const entryPoints = ENTRIES.map((name) => `src/${name}`);
  const { metafile } = await build({
    ...common,
    entryPoints,
    outdir: 'dist',
    packages: 'external',
    metafile: true,
  });
  const { outputFiles } = await build({
    ...common,
    entryPoints: Object.keys(metafile.inputs),
    outbase: 'src',
    outdir: 'dist',
    plugins: [importsOfOutput],
  });
  for (const { path, contents } of outputFiles) writeIfChanged(path, contents);
  removeOthers(
    '.js',
    outputFiles.map(({ path }) => path),
  );
  writeIfChanged(STAMP, Buffer.from(made));
  return outputFiles.length;
}

async function esbuild() {
  const { build } = await import('esbuild');
  return {
    build: (options) =>
      build(options).catch(({ errors, message }) => {
        const [{ text, location } = { text: message }] = errors ?? [];
        throw new Error(location ? `${location.file}:${location.line}:${location.column}: ${text}` : text);
      }),
  };
}

/** Keeps all imports and rewrites the extension of relative ones to `.js`. */
const importsOfOutput = {
  name: 'imports-of-output',
  setup({ onResolve }) {
    onResolve({ filter: /./ }, ({ path, kind }) =>
      kind === 'entry-point'
        ? undefined
        : { path: path.startsWith('.') ? path.replace(/\.ts$/, '.js') : path, external: true },
    );
  },
};

/** Returns a hash of name, size and modification time of every source, of this file and of the lock file. */
function fingerprint() {
  const hash = createHash('sha256');
  const sources = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .sort()
    .map((name) => join(SOURCE, name));
  for (const path of [...sources, fileURLToPath(import.meta.url), join(ROOT, 'package-lock.json')]) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${relative(ROOT, path)} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/**
 * @param {string} path
 * @param {Uint8Array} contents
 */
export function writeIfChanged(path, contents) {
  if (existsSync(path) && readFileSync(path).equals(contents)) return;
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, contents);
  renameSync(temporary, path);
}

/**
 * Removes files of an earlier build.
 *
 * @param {string} ending - file name ending of the files to consider
 * @param {readonly string[]} kept - absolute paths of the files to keep
 */
export function removeOthers(ending, kept) {
  const wanted = new Set(kept);
  for (const name of readdirSync(DIST, { recursive: true, encoding: 'utf8' })) {
    const path = join(DIST, name);
    if (name.endsWith(ending) && !name.startsWith(`vendor${sep}`) && !wanted.has(path))
      rmSync(path, { force: true });
  }
}
