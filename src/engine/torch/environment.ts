/**
 * A virtual environment for workers: made whole or not at all, and kept until what it must hold changes.
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

/** What a worker needs, pinned. */
export const WORKER_REQUIREMENTS = packageFile('python/troupe_worker/requirements.txt');

/** What Ray needs besides, pinned. */
export const RAY_REQUIREMENTS = packageFile('python/troupe_worker/requirements-ray.txt');

export interface EnvironmentOptions {
  /** Where it is, or shall be. */
  readonly folder: string;
  /** The Python it is made with. Default: python3. */
  readonly python?: string;
  /** Files of requirements that it must hold. */
  readonly requirements: readonly string[];
  /** Told what goes on, a line at a time. */
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface Environment {
  /** The Python inside. */
  readonly python: string;
  /** Whether it was made or changed just now. */
  readonly isNew: boolean;
}

/** Written last: an environment without it is half-made. */
const MARK = 'troupe.json';
const OLDEST = [3, 10] as const;
const LONGEST_LINE = 300;

/** Where workers' environments are unless said otherwise: the user's folder for caches. */
export function environmentFolder(name: string): string {
  const { XDG_CACHE_HOME } = process.env;
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'troupe', name);
}

/** @returns the Python of an environment that is whole and holds what it must; undefined where there is none */
export function findEnvironment(
  where: Pick<EnvironmentOptions, 'folder' | 'requirements'>,
): string | undefined {
  const python = join(resolve(where.folder), 'bin', 'python');
  const holds = readMark(where.folder)?.requirements === digest(where.requirements);
  return holds && existsSync(python) ? python : undefined;
}

/**
 * Makes the environment, or finds it made.
 *
 * @throws EngineError naming what is missing; the signal's reason when it aborts; nothing half-made is left
 */
export async function ensureEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const folder = resolve(options.folder);
  const found = findEnvironment(options);
  if (found !== undefined) return { python: found, isNew: false };
  if (readMark(folder) === undefined) refuseStranger(folder);
  const python = join(folder, 'bin', 'python');
  const wanted = digest(options.requirements);
  const base = options.python ?? 'python3';
  await requirePython(base, options);
  const { onLine, signal } = options;
  try {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    // told at once whose it is, and that it is not whole
    writeFileSync(join(folder, MARK), `${JSON.stringify({ requirements: '' })}\n`);
    onLine?.(`making a virtual environment in ${folder}`);
    await run(base, ['-m', 'venv', folder], {
      signal,
      fail: (why) => `"${base}" made no environment (${why})`,
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
    return undefined; // none, or cut short: then the folder is asked whose it is
  }
}

/** What somebody else made is not removed. */
function refuseStranger(folder: string): void {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return; // nothing there
  }
  if (names.length > 0)
    throw new EngineError(
      `troupe worker: expected an empty folder or an environment of troupe at ${folder}, got one with ${names.length} other entries; name another with --venv, or a Python that has PyTorch with --python`,
      { code: 'TROUPE_WORKER_ENVIRONMENT' },
    );
}

/** @throws EngineError unless it is a Python that can make environments */
async function requirePython(python: string, { signal }: EnvironmentOptions): Promise<void> {
  const script =
    'import sys; print("%d.%d" % sys.version_info[:2])\ntry:\n import venv, ensurepip\nexcept ImportError as e: print(e.name)';
  const lines: string[] = [];
  await run(python, ['-c', script], {
    signal,
    onLine: (line) => lines.push(line),
    fail: (why) =>
      `expected a Python ${OLDEST.join('.')} or newer at "${python}", got none (${why}); install it, or name one with --python`,
  });
  const [version = '', missing] = lines;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
    throw new EngineError(
      `troupe worker: expected a Python ${OLDEST.join('.')} or newer at "${python}", got ${version}; name another with --python`,
      { code: 'TROUPE_WORKER_PYTHON' },
    );
  if (missing !== undefined)
    throw new EngineError(
      `troupe worker: the Python at "${python}" has no module "${missing}" and makes no environments; install python3-venv, or name a Python that has PyTorch with --python`,
      { code: 'TROUPE_WORKER_PYTHON' },
    );
}

interface RunOptions {
  readonly signal: AbortSignal | undefined;
  readonly onLine?: (line: string) => void;
  /** What did not work, given why. */
  readonly fail: (why: string) => string;
}

/** @throws EngineError if the program is not there or fails */
async function run(
  program: string,
  words: readonly string[],
  { signal, onLine, fail }: RunOptions,
): Promise<void> {
  signal?.throwIfAborted();
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], ...(signal && { signal }) });
  let last = '';
  createInterface({ input: child.stdout }).on('line', (line) => onLine?.(line));
  createInterface({ input: child.stderr }).on('line', (line) => {
    // pip ends with advice; the line before says what went wrong
    if (line.trim() !== '' && !/^(\[notice\]|WARNING:|hint:)/.test(line)) last = line.trim();
  });
  const why = await ended(child);
  signal?.throwIfAborted();
  if (why !== undefined)
    throw new EngineError(`troupe worker: ${fail((last || why).slice(0, LONGEST_LINE))}`, {
      code: 'TROUPE_WORKER_ENVIRONMENT',
    });
}

/** Waits until it is gone: one that was told to stop may still write. @returns why it did not end well, if so */
function ended(child: ChildProcess): Promise<string | undefined> {
  return new Promise((done) => {
    child.once('error', (error) => {
      if (child.pid === undefined) done(error.message); // it never began
    });
    child.once('close', (code, signal) =>
      done(code === 0 ? undefined : signal ? `killed by ${signal}` : `exit code ${code}`),
    );
  });
}
