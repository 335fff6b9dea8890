/**
 * A worker of our own: one Python process beside this one, which ends when this one does. It runs the copy of
 * the package that ships with troupe, so the two always fit; torch and Transformers are the user's.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { delimiter } from 'node:path';
import { createInterface } from 'node:readline';
import { EngineError } from '../../support/errors.ts';
import { packageFile } from '../../support/package-root.ts';

/** Folder of the package that ships with troupe. */
export const WORKER_SOURCE = packageFile('python/troupe_worker/src');

export interface WorkerProcessOptions {
  /** A Python 3.10 or newer that has torch and Transformers. */
  readonly python: string;
  /** Name of the engine in messages, and of its section in a team file. Default `torch`. */
  readonly engine?: string;
  /** What to run. Default `troupe_worker`. */
  readonly module?: string;
  /** Arguments of its own. */
  readonly args?: readonly string[];
  /** `auto`, `cpu`, `cuda`, `cuda:1`. */
  readonly device?: string;
  /** Threads on a CPU; 0: PyTorch's choice. */
  readonly threads?: number;
  /** Address to listen on. Default: loopback. */
  readonly host?: string | undefined;
  /** Port; 0, the default: any free one. */
  readonly port?: number | undefined;
  /** What its clients must know. Default: made up. */
  readonly token?: string | undefined;
  /** Clients other than this process come and go: what they hold is freed when they are not heard of. */
  readonly isShared?: boolean | undefined;
  /** Most memory for models, GiB. Default: what is free. */
  readonly memoryGib?: number | undefined;
  /** How long it may take to start: importing PyTorch is slow on a busy machine. */
  readonly startMs?: number;
  /** How long it may take to end. */
  readonly graceMs?: number;
}

const START_MS = 300_000;
const GRACE_MS = 5_000;
/** Clients say every minute that they live. */
const LEASE_SECONDS = 600;
/** Files of what a Python needs, by engine. */
const REQUIREMENTS: Readonly<Record<string, string>> = { ray: 'requirements-ray.txt' };
/** As much of its last words as a message can hold. */
const LAST_WORDS = 400;
const LOOPBACK = '127.0.0.1';

export class WorkerProcess {
  readonly url: string;
  readonly token: string;
  readonly #child: ChildProcess;
  readonly #graceMs: number;
  readonly #stderr: () => string;

  constructor(
    child: ChildProcess,
    where: {
      readonly url: string;
      readonly token: string;
      readonly graceMs: number;
      readonly stderr: () => string;
    },
  ) {
    this.#child = child;
    this.#graceMs = where.graceMs;
    this.url = where.url;
    this.token = where.token;
    this.#stderr = where.stderr;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** How it ended, if it did. */
  death(): string | undefined {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return undefined;
    const words = lastLine(this.#stderr());
    const how = signalCode === null ? `exit code ${exitCode}` : `killed by ${signalCode}`;
    return `the worker died (${how})${words === '' ? '' : `, saying: ${words}`}`;
  }

  /** Waits until it ends by itself, and says how, or until the signal aborts. */
  ended(signal: AbortSignal): Promise<string | undefined> {
    return new Promise((resolve) => {
      const over = (): void => resolve(this.death());
      this.#child.ref();
      this.#child.once('close', over);
      signal.addEventListener('abort', over, { once: true });
      if (signal.aborted || this.death() !== undefined) over();
    });
  }

  /** Ends it; nothing is left behind. */
  async close(): Promise<void> {
    const child = this.#child;
    if (this.death() !== undefined) return;
    child.ref();
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.stdin?.end();
    const timer = setTimeout(() => child.kill('SIGKILL'), this.#graceMs);
    await ended;
    clearTimeout(timer);
  }
}

/**
 * Starts a worker and waits until it listens.
 *
 * @throws EngineError if there is no such Python, a package is missing, or it cannot start
 */
export async function startWorker({
  python,
  engine = 'torch',
  module = 'troupe_worker',
  startMs = START_MS,
  graceMs = GRACE_MS,
  token = randomBytes(24).toString('base64url'),
  ...options
}: WorkerProcessOptions): Promise<WorkerProcess> {
  const { PYTHONPATH } = process.env;
  const words = ['-m', module, ...workerWords(options), '--with-parent'];
  const child = spawn(python, words, {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C is for us alone: the worker is needed for the write we are in, and ends with its standard input
    detached: true,
    env: {
      ...process.env,
      PYTHONPATH: PYTHONPATH ? `${WORKER_SOURCE}${delimiter}${PYTHONPATH}` : WORKER_SOURCE,
      PYTHONDONTWRITEBYTECODE: '1',
      TROUPE_WORKER_TOKEN: token,
    },
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4 * LAST_WORDS);
  });
  child.stdin.on('error', () => {}); // a worker that is gone takes no more input; its death is told elsewhere
  try {
    const address = await firstLine(child, { python, engine, startMs, stderr: () => stderr });
    // it must not keep us alive: should we end without closing it, it ends too
    child.unref();
    for (const stream of [child.stdin, child.stdout, child.stderr])
      (stream as unknown as { unref?(): void }).unref?.();
    return new WorkerProcess(child, { url: address, token, graceMs, stderr: () => stderr });
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

function workerWords(options: Omit<WorkerProcessOptions, 'python'>): string[] {
  const { host = LOOPBACK, port = 0, device, threads, isShared = false, memoryGib, args = [] } = options;
  return [
    ...['--host', host],
    ...['--port', String(port)],
    ...(device === undefined ? [] : ['--device', device]),
    ...(threads === undefined ? [] : ['--threads', String(threads)]),
    ...(isShared ? ['--lease-seconds', String(LEASE_SECONDS)] : []),
    ...(memoryGib === undefined ? [] : ['--memory-gib', String(memoryGib)]),
    ...args,
  ];
}

/** @returns the address that the worker's first line names */
function firstLine(
  child: ChildProcess,
  {
    python,
    engine,
    startMs,
    stderr,
  }: {
    readonly python: string;
    readonly engine: string;
    readonly startMs: number;
    readonly stderr: () => string;
  },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (message: string, code = 'TROUPE_WORKER_START'): void => {
      clearTimeout(timer);
      reject(new EngineError(`engine ${engine}: ${message}`, { code }));
    };
    const timer = setTimeout(
      () => fail(`the worker of "${python}" did not start within ${startMs / 1000} s`),
      startMs,
    );
    child.once('error', (error) =>
      fail(
        `expected a Python at "${python}", got none (${error.message}); install Python 3.10 or newer, or set ${engine}.python`,
        'TROUPE_WORKER_PYTHON',
      ),
    );
    // `close`, not `exit`: by then everything it said was read
    child.once('close', (code) =>
      fail(`the worker of "${python}" ended with exit code ${code}: ${lastLine(stderr())}`),
    );
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).once('line', (line) => {
      const said = parsed(line);
      if (typeof said.address === 'string') {
        clearTimeout(timer);
        resolve(said.address);
      } else fail(startComplaint({ python, engine }, said.error, line), 'TROUPE_WORKER_START');
    });
  });
}

function parsed(line: string): { readonly address?: unknown; readonly error?: unknown } {
  try {
    return JSON.parse(line) as { readonly address?: unknown }; // looked at by the caller
  } catch {
    return {};
  }
}

function startComplaint(
  { python, engine }: { readonly python: string; readonly engine: string },
  error: unknown,
  line: string,
): string {
  const { kind, message, package: missing } = (error ?? {}) as Readonly<Record<string, unknown>>;
  if (kind === 'package')
    return `the Python at "${python}" has no package "${missing}"; run "troupe ${engine === 'ray' ? 'ray up' : 'worker install'}" for one that has all, or install python/troupe_worker/${REQUIREMENTS[engine] ?? 'requirements.txt'} into it`;
  return typeof message === 'string'
    ? message
    : `expected the worker of "${python}" to say where it listens, got "${line.slice(0, 80)}"`;
}

function lastLine(text: string): string {
  return (text.trim().split('\n').at(-1) ?? '').trim().slice(0, LAST_WORDS);
}
