/**
 * Tests the package as a user installs it: packed, installed into an empty folder with an empty home, run by
 * `npx`, and imported from JavaScript and from TypeScript.
 */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TYPESCRIPT_COMPILER = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
const PATIENCE_MS = 900_000;

/** Flags for a run that takes seconds. Every key is one of a team file. */
const SMALL = [
  ...['--train.stages', '1'],
  ...['--train.prompts_per_step', '4'],
  ...['--train.num_generations', '2'],
  ...['--gate.kind', 'off'],
  ...['--eval.prompts', '4'],
  ...['--eval.k', '1'],
];

/**
 * Names of the environment variables that a program needs to reach the package registry from this machine.
 */
const NETWORK = /^(https?_proxy|no_proxy|all_proxy|node_extra_ca_certs|ssl_cert_(file|dir))$/i;

let dir: string;
let home: string;
let installed: SpawnSyncReturns<string>;

/**
 * Returns the environment of a continuous-integration machine: no variables of the npm that started this
 * test, and an empty home.
 */
function environment(): NodeJS.ProcessEnv {
  const config = (key: string): string =>
    spawnSync('npm', ['config', 'get', key], { cwd: ROOT, encoding: 'utf8' }).stdout.trim();
  const kept = Object.entries(process.env).filter(([name]) => NETWORK.test(name));
  return {
    ...Object.fromEntries(kept),
    PATH: process.env.PATH,
    CI: 'true',
    HOME: home,
    npm_config_registry: config('registry'),
    npm_config_cache: config('cache'),
    npm_config_prefer_offline: 'true',
  };
}

let env: NodeJS.ProcessEnv;
const run = (program: string, ...words: string[]): SpawnSyncReturns<string> =>
  spawnSync(program, words, { cwd: join(dir, 'empty'), env, encoding: 'utf8' });
const npx = (...words: string[]): SpawnSyncReturns<string> => run('npx', '--no', 'troupe', ...words);
const inPackage = (path: string): string => join(dir, 'empty', 'node_modules', 'troupe', path);

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-package-'));
  home = join(dir, 'home');
  mkdirSync(home);
  mkdirSync(join(dir, 'empty'));
  env = environment();
  const packed = spawnSync('npm', ['pack', '--silent', '--pack-destination', dir], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect(packed.status, packed.stderr).toBe(0);
  const archive = packed.stdout.trim().split('\n').at(-1) ?? '';
  installed = run('npm', 'install', '--no-audit', '--no-fund', join(dir, archive));
}, PATIENCE_MS);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the installed package', () => {
  it('comes without a warning, an install script or a file that is not for users', () => {
    expect(installed).toMatchObject({ status: 0, stderr: '' });
    const lock = JSON.parse(readFileSync(inPackage('../.package-lock.json'), 'utf8')) as {
      readonly packages: Readonly<Record<string, { readonly hasInstallScript?: boolean }>>;
    };
    // No package may have an install script: if it fails, npm 10 drops an optional package, and npm 11 and 12
    // do not run it.
    expect(Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([]);
    expect(Object.keys(lock.packages)).not.toContain('node_modules/onnxruntime-node');
    expect(readdirSync(inPackage('')).sort()).toEqual(
      [
        ...['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'dist', 'docs', 'examples', 'package.json'],
        ...['python', 'recipes', 'templates', 'web'],
      ].sort(),
    );
    const files = readdirSync(inPackage(''), { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => /\.test\.|__pycache__|\.pyc$|-base\//.test(name))).toEqual([
      ...files.filter((name) => name.startsWith('recipes/quickstart-base/')),
      'templates/task/task.test.mjs',
    ]);
  });

  it(
    'runs the quickstart',
    () => {
      const { status, stdout, stderr } = npx('quickstart', ...SMALL);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toContain('trained team - untrained team');
    },
    PATIENCE_MS,
  );

  it(
    'starts a task of its own and trains on it',
    () => {
      expect(npx('tasks', 'init', 'x')).toMatchObject({ status: 0, stderr: '' });
      const test = run(process.execPath, '--test', 'x/task.test.mjs');
      expect({ status: test.status, passed: /pass 5/.test(test.stdout) }).toEqual({
        status: 0,
        passed: true,
      });
      const { status, stdout, stderr } = npx('train', 'x/team.yaml', ...SMALL);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toContain('trained team - untrained team');
    },
    PATIENCE_MS,
  );

  it('leaves the home empty', () => {
    expect(readdirSync(home)).toEqual([]);
  });
});

const JAVASCRIPT = `
import { createRequire } from 'node:module';

const listened = String(process.eventNames());
const troupe = await import('troupe');
const core = await import('troupe/core');
const engine = await import('troupe/engine');
const grade = await import('troupe/grade');
const { name } = createRequire(import.meta.url)('troupe/package.json');

const task = await troupe.createTask('arithmetic', { operands: 2 });
const loaded = engine.createOnnxEngine({ threads: 1 });
await loaded.close();
console.log(
  JSON.stringify({
    name,
    hasSideEffects: listened !== String(process.eventNames()),
    prompt: task.item('train', 0).prompt,
    drawn: core.randomStream(1).uniform(),
    engine: loaded.name,
    verdict: grade.verifyMath('1/2', 'so \\\\boxed{0.5}').correct,
  }),
);
`;

const TYPED = `
import { createTask, type ModuleContext, type Task, type TaskItem } from 'troupe';
import { type RandomStream, randomStream } from 'troupe/core';
import { createOnnxEngine, type Engine, type Model } from 'troupe/engine';
import { type MathVerdict, verifyMath } from 'troupe/grade';

export const task: Task = await createTask('arithmetic', { operands: 2 });
export const item: TaskItem = task.item('train', 0);
export const stream: RandomStream = randomStream(1);
export const engine: Engine = createOnnxEngine({ threads: 1 });
export const load = (dir: string): Promise<Model> => engine.load({ dir });
export const verdict: MathVerdict = verifyMath('1/2', '0.5');
export const folderOf = ({ folder }: ModuleContext): string => folder;
// @ts-expect-error: the types are real
task.item('trian', 0);
`;

describe('the library', () => {
  it('is imported as ES modules, by its name and its subpaths', () => {
    writeFileSync(join(dir, 'empty', 'library.mjs'), JAVASCRIPT);
    const { status, stdout, stderr } = run(process.execPath, 'library.mjs');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      name: 'troupe',
      hasSideEffects: false,
      prompt: expect.stringMatching(/=$/),
      drawn: expect.any(Number),
      engine: 'onnx',
      verdict: true,
    });
  });

  it.each(['nodenext', 'bundler'])(
    'has types for module resolution %s, a task of its own included',
    (resolution) => {
      writeFileSync(join(dir, 'empty', 'library.ts'), TYPED);
      const options = {
        target: 'es2023',
        module: resolution === 'bundler' ? 'esnext' : resolution,
        moduleResolution: resolution,
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
        types: ['node'],
        typeRoots: [join(ROOT, 'node_modules', '@types')],
      };
      const config = { compilerOptions: options, files: ['library.ts', 'x/task.ts'] };
      writeFileSync(join(dir, 'empty', 'package.json'), JSON.stringify({ type: 'module' }));
      writeFileSync(join(dir, 'empty', 'tsconfig.json'), JSON.stringify(config));
      const { status, stdout } = run(process.execPath, TYPESCRIPT_COMPILER, '-p', 'tsconfig.json');
      expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    },
    PATIENCE_MS,
  );
});

it('names the command that repairs a missing engine', () => {
  renameSync(inPackage('dist/vendor'), join(dir, 'vendor'));
  const { version } = JSON.parse(readFileSync(join(dir, 'vendor/onnxruntime-node/package.json'), 'utf8'));
  const { status, stdout, stderr } = npx('doctor');
  expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
  expect(stdout.split('\n')).toContain(
    `fail  onnxruntime  engine onnx: ONNX Runtime is missing; run "npm install --no-save --ignore-scripts onnxruntime-node@${version}"`,
  );
});
