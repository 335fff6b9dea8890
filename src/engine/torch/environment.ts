/**
 * Creates virtual environments for workers. If creation fails, the environment is removed. If its
 * requirements change, it is created again.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { EngineError } from '../../support/errors.ts';
import { packageFile } from '../../support/package-root.ts';
import { TELEMETRY_OFF } from '../../support/telemetry.ts';

/** Path of the file with the worker's pinned requirements. */
export const WORKER_REQUIREMENTS = packageFile('python/troupe_worker/requirements.txt');

/** Path of the file with additional pinned requirements for Ray. */
export const RAY_REQUIREMENTS = packageFile('python/troupe_worker/requirements-ray.txt');

export interface EnvironmentOptions {
  /** Folder of the environment. */
  readonly folder: string;
  /** Python that creates the environment. Default: python3. */
  readonly python?: string;
  /** Paths of requirements files to install. */
  readonly requirements: readonly string[];
  /** Called with each line of progress. */
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface Environment {
  /** The environment's Python. */
  readonly python: string;
  /** Whether this call created it. */
  readonly isNew: boolean;
}

/**
 * Marker file in the environment's folder. It contains the digest of the installed requirements, which is
 * empty while the environment is incomplete.
 */
const MARK = 'troupe.json';
const OLDEST = [3, 10] as const;
const LONGEST_LINE = 300;

/** Returns the default folder of a worker environment, in the user's cache folder. */
export function environmentFolder(name: string): string {
  const { XDG_CACHE_HOME } = process.env;
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'troupe', name);
}

/** Finds an environment. @returns its Python; undefined if it is missing, incomplete, or has other requirements */
export function findEnvironment(
  where: Pick<EnvironmentOptions, 'folder' | 'requirements'>,
): string | undefined {
  const python = join(resolve(where.folder), 'bin', 'python');
  const holds = readMark(where.folder)?.requirements === digest(where.requirements);
  return holds && existsSync(python) ? python : undefined;
}

/**
 * Finds the environment, or creates it.
 *
 * @throws EngineError if it cannot be created, or the signal's reason if it aborts; an incomplete environment is removed
 */
export async function ensureEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const folder = resolve(options.folder);
  const found = findEnvironment(options);
  if (found !== undefined) return { python: found, isNew: false };
  if (readMark(folder) === undefined) requireOwnFolder(folder);
  const python = join(folder, 'bin', 'python');
  const wanted = digest(options.requirements);
  const base = options.python ?? 'python3';
  await requirePython(base, options);
  const { onLine, signal } = options;
  try {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    // this marker identifies the folder as an incomplete environment of troupe
    writeFileSync(join(folder, MARK), `${JSON.stringify({ requirements: '' })}\n`);
    onLine?.(`creating a virtual environment in ${folder}`);
    await run(base, ['-m', 'venv', folder], {
      signal,
      fail: (why) => `"${base}" could not create an environment (${why})`,
    });
    onLine?.(`installing ${options.requirements.map((file) => file.split('/').at(-1)).join(', ')}`);
    await run(python, ['-m', 'pip', ...pipWords(options.requirements)], {
      signal,
      ...(onLine && { onLine }),
      fail: (why) =>
        `pip could not install ${options.requirements.join(' and ')} (${why}); nothing is left in ${folder}`,
    });
    writeFileSync(join(folder, MARK), `${JSON.stringify({ requirements: wanted })}\n`);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return { python, isNew: true };
}

function pipWords(requirements: readonly string[]): string[] {
  const words = ['install', '--disable-pip-version-check', '--no-input', '--progress-bar', 'off'];
  return [...words, ...requirements.flatMap((file) => ['-r', file])];
}

function digest(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest('hex');
}

function readMark(folder: string): { readonly requirements?: unknown } | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, MARK), 'utf8')) as { readonly requirements?: unknown };
  } catch {
    return undefined; // missing or truncated
  }
}

/** Throws if the folder has content that troupe did not create, so that this content is never removed. */
function requireOwnFolder(folder: string): void {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return; // the folder does not exist
  }
  if (names.length > 0)
    throw new EngineError(
      `troupe worker: expected an empty folder or an environment of troupe at ${folder}, got one with ${names.length} other entries; choose another folder with --venv, or a Python that has PyTorch with --python`,
      { code: 'TROUPE_WORKER_ENVIRONMENT' },
    );
}

/** Checks that `python` is a Python that can create environments. @throws EngineError if it is not */
async function requirePython(python: string, { signal }: EnvironmentOptions): Promise<void> {
  const script =
    'import sys; print("%d.%d" % sys.version_info[:2])\ntry:\n import venv, ensurepip\nexcept ImportError as e: print(e.name)';
  const lines: string[] = [];
  await run(python, ['-c', script], {
    signal,
    onLine: (line) => lines.push(line),
    fail: (why) =>
      `expected a Python ${OLDEST.join('.')} or newer at "${python}", got none (${why}); install it, or choose one with --python`,
  });
  const [version = '', missing] = lines;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
    throw new EngineError(
      `troupe worker: expected a Python ${OLDEST.join('.')} or newer at "${python}", got ${version}; choose another with --python`,
      { code: 'TROUPE_WORKER_PYTHON' },
    );
  if (missing !== undefined)
    throw new EngineError(
      `troupe worker: the Python at "${python}" has no module "${missing}", which is needed to create environments; install python3-venv, or choose a Python that has PyTorch with --python`,
      { code: 'TROUPE_WORKER_PYTHON' },
    );
}

interface RunOptions {
  readonly signal: AbortSignal | undefined;
  readonly onLine?: (line: string) => void;
  /** Builds the error message from the reason of the failure. */
  readonly fail: (why: string) => string;
}

/** Runs a program to its end. @throws EngineError if it cannot be started or fails */
async function run(
  program: string,
  words: readonly string[],
  { signal, onLine, fail }: RunOptions,
): Promise<void> {
  signal?.throwIfAborted();
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...TELEMETRY_OFF },
    ...(signal && { signal }),
  });
  let last = '';
  createInterface({ input: child.stdout }).on('line', (line) => onLine?.(line));
  createInterface({ input: child.stderr }).on('line', (line) => {
    // pip ends its output with notices; the line before them is the error
    if (line.trim() !== '' && !/^(\[notice\]|WARNING:|hint:)/.test(line)) last = line.trim();
  });
  const why = await ended(child);
  signal?.throwIfAborted();
  if (why !== undefined)
    throw new EngineError(`troupe worker: ${fail((last || why).slice(0, LONGEST_LINE))}`, {
      code: 'TROUPE_WORKER_ENVIRONMENT',
    });
}

/**
 * Waits for the exit of a process, because it can still write files after an abort. @returns why it failed;
 * undefined if it succeeded
 */
function ended(child: ChildProcess): Promise<string | undefined> {
  return new Promise((done) => {
    child.once('error', (error) => {
      if (child.pid === undefined) done(error.message); // without a process id, the process was not started
    });
    child.once('close', (code, signal) =>
      done(code === 0 ? undefined : signal ? `killed by ${signal}` : `exit code ${code}`),
    );
  });
}
