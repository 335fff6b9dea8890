/**
 * Measures how long a command takes to start, as a multiple of the time of an empty Node program on the same
 * machine at the same time. Also counts the files of the package that a training of `arithmetic` loads.
 * @module
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from './matmuls.ts';

const TROUPE = fileURLToPath(new URL('../bin/troupe.mjs', import.meta.url));
const RECIPE = fileURLToPath(new URL('../recipes/quickstart.yaml', import.meta.url));
const DIST = new URL('../dist/', import.meta.url).href;

const ROUNDS = 5;

/** Flags for a training of `arithmetic` that takes seconds. */
const SMALL = {
  '--train.stages': 1,
  '--train.prompts_per_step': 2,
  '--train.num_generations': 2,
  '--gate.kind': 'off',
  '--eval.prompts': 2,
  '--eval.k': 1,
};

export interface StartBench {
  /** Median time of `node -e 0`, ms. */
  readonly node_ms: number;
  /** Time until `troupe --help` ends, as a multiple of `node_ms`. */
  readonly help_ratio: number;
  /** Time until `troupe train` on the quickstart prints its first line, as a multiple of `node_ms`. */
  readonly train_ratio: number;
  /** Number of files of `dist` that a whole training of `arithmetic` loads. */
  readonly arithmetic_files: number;
}

export async function benchStart(log: (line: string) => void): Promise<StartBench> {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-start-'));
  try {
    const node: number[] = [];
    const help: number[] = [];
    const train: number[] = [];
    const run = (round: number): string[] => [TROUPE, 'train', RECIPE, '--run', `run-${round}`];
    await firstOutput(run(-1), folder); // builds dist if it is stale, and reads the files into the page cache
    for (let round = 0; round < ROUNDS; round++) {
      // the three programs run in turn within a round, so that other load on the machine slows all of them
      node.push(await untilEnd(['-e', '0'], folder));
      help.push(await untilEnd([TROUPE, '--help'], folder));
      train.push(await firstOutput(run(round), folder));
    }
    const result: StartBench = {
      node_ms: Math.round(median(node)),
      help_ratio: rounded(median(help) / median(node)),
      train_ratio: rounded(median(train) / median(node)),
      arithmetic_files: loadedFiles(folder),
    };
    log(
      `node -e 0: ${result.node_ms} ms; troupe --help: ${result.help_ratio} times that (aim: at most 4); ` +
        `first line of troupe train: ${result.train_ratio} times (aim: at most 10)`,
    );
    log(`a training of arithmetic loads ${result.arithmetic_files} files of the package`);
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns the time until a program ends, ms. */
function untilEnd(words: readonly string[], cwd: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(process.execPath, words, { cwd, stdio: 'ignore' });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(performance.now() - start);
      else reject(new Error(`node ${words.join(' ')} ended with exit code ${code}`));
    });
  });
}

/** Returns the time until a program's first output, ms, and then kills the program. */
function firstOutput(words: readonly string[], cwd: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(process.execPath, words, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
    let elapsed: number | undefined;
    child.once('error', reject);
    child.stdout.once('data', () => {
      elapsed = performance.now() - start;
      child.kill('SIGKILL');
    });
    child.once('close', (code) => {
      if (elapsed === undefined) reject(new Error(`node ${words.join(' ')} ended without a line (${code})`));
      else resolve(elapsed);
    });
  });
}

/** Counts the loaded files by V8's coverage, which lists every script that a process ran. */
function loadedFiles(folder: string): number {
  const coverage = join(folder, 'coverage');
  const words = [TROUPE, 'train', RECIPE, '--run', 'counted', ...Object.entries(SMALL).flat().map(String)];
  const env = { ...process.env, NODE_V8_COVERAGE: coverage };
  const { status, stderr } = spawnSync(process.execPath, words, { cwd: folder, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the training failed: ${stderr}`);
  const files = readdirSync(coverage).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(coverage, name), 'utf8')) as {
      readonly result: readonly { readonly url: string }[];
    };
    return result.map(({ url }) => url).filter((url) => url.startsWith(DIST));
  });
  return new Set(files).size;
}

function rounded(ratio: number): number {
  return Math.round(10 * ratio) / 10;
}
