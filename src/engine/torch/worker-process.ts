/**
 * Starts a worker as a child process that exits when this process exits. It runs the copy of the worker package that
 * ships with troupe, so the versions always match; PyTorch and Transformers come from the user's Python.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { delimiter } from 'node:path';
import { createInterface } from 'node:readline';
import { EngineError } from '../../support/errors.ts';
import { packageFile } from '../../support/package-root.ts';
import { TELEMETRY_OFF } from '../../support/telemetry.ts';

/** Source folder of the worker package that ships with troupe. */
export const WORKER_SOURCE = packageFile('python/troupe_worker/src');

export interface WorkerProcessOptions {
  /** Path of a Python 3.10 or newer in which PyTorch and Transformers are installed. */
  readonly python: string;
  /**
   * Name of the engine in error messages, which is also the name of its section in a team file. Default
   * `torch`.
   */
  readonly engine?: string;
  /** Python module to run. Default `troupe_worker`. */
  readonly module?: string;
  /** Additional command-line arguments of the module. */
  readonly args?: readonly string[];
  /** PyTorch device of the models: `auto`, `cpu`, `cuda`, `cuda:1`. */
  readonly device?: string;
  /** Number of CPU threads; 0: PyTorch's default. */
  readonly threads?: number;
  /** Address to listen on. Default: loopback. */
  readonly host?: string | undefined;
  /** Port; default 0: any free port. */
  readonly port?: number | undefined;
  /** Bearer token of the clients. Default: a random token. */
  readonly token?: string | undefined;
  /**
   * Whether other processes use the worker. Then it frees the models of a client that makes no call or ping
   * for ten minutes.
   */
  readonly isShared?: boolean | undefined;
  /** Memory limit for models, GiB. Default: the free memory. */
  readonly memoryGib?: number | undefined;
  /** Maximum time until the worker listens, ms. Importing PyTorch is slow on a busy machine. */
  readonly startMs?: number;
  /** Maximum time until the process exits, ms. After that it is killed. */
  readonly graceMs?: number;
}

const START_MS = 300_000;
const GRACE_MS = 5_000;
/**
 * Lease of a client of a shared worker, seconds: if the client makes no call or ping for this time, the
 * worker frees its models. Clients ping every minute.
 */
const LEASE_SECONDS = 600;
/** Requirements files of engines that do not use `requirements.txt`. */
const REQUIREMENTS: Readonly<Record<string, string>> = { ray: 'requirements-ray.txt' };
/** Maximum number of characters of the worker's stderr in an error message. */
const STDERR_TAIL_LENGTH = 400;
const LOOPBACK = '127.0.0.1';

/** A running worker process. */
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

  /** Returns how the process exited; undefined while it runs. */
  death(): string | undefined {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return undefined;
    const words = lastLine(this.#stderr());
    const how = signalCode === null ? `exit code ${exitCode}` : `killed by ${signalCode}`;
    return `the worker died (${how})${words === '' ? '' : `, last line of stderr: ${words}`}`;
  }

  /** Waits until the process exits or the signal aborts. @returns how it exited; undefined if it still runs */
  ended(signal: AbortSignal): Promise<string | undefined> {
    return new Promise((resolve) => {
      const over = (): void => resolve(this.death());
      this.#child.ref();
      this.#child.once('close', over);
      signal.addEventListener('abort', over, { once: true });
      if (signal.aborted || this.death() !== undefined) over();
    });
  }

  /** Closes the process's stdin, which makes it exit, and kills it after the grace period. */
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
 * @throws EngineError if the Python does not exist, a package is missing, or the worker does not start in time
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
    // detached, so that Ctrl-C does not reach the worker: this process may need it for the current
    // checkpoint, and ends it by closing its stdin
    detached: true,
    env: {
      ...process.env,
      ...TELEMETRY_OFF,
      PYTHONPATH: PYTHONPATH ? `${WORKER_SOURCE}${delimiter}${PYTHONPATH}` : WORKER_SOURCE,
      PYTHONDONTWRITEBYTECODE: '1',
      TROUPE_WORKER_TOKEN: token,
    },
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4 * STDERR_TAIL_LENGTH);
  });
  // ignore EPIPE after the worker has exited, because `death` reports the exit
  child.stdin.on('error', () => {});
  try {
    const address = await firstLine(child, { python, engine, startMs, stderr: () => stderr });
    // the child must not keep the event loop running; it exits when this process does
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

/** Waits for the worker's first line of output. @returns the address that the line contains */
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
    // wait for `close` instead of `exit`, because all output has been read at that time
    child.once('close', (code) =>
      fail(`the worker of "${python}" ended with exit code ${code}: ${lastLine(stderr())}`),
    );
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).once('line', (line) => {
      const message = parsed(line);
      if (typeof message.address === 'string') {
        clearTimeout(timer);
        resolve(message.address);
      } else fail(startErrorMessage({ python, engine }, message.error, line), 'TROUPE_WORKER_START');
    });
  });
}

function parsed(line: string): { readonly address?: unknown; readonly error?: unknown } {
  try {
    return JSON.parse(line) as { readonly address?: unknown }; // the caller validates it
  } catch {
    return {};
  }
}

function startErrorMessage(
  { python, engine }: { readonly python: string; readonly engine: string },
  error: unknown,
  line: string,
): string {
  const { kind, message, package: missing } = (error ?? {}) as Readonly<Record<string, unknown>>;
  if (kind === 'package')
    return `the Python at "${python}" has no package "${missing}"; run "troupe ${engine === 'ray' ? 'ray up' : 'worker install'}" to create an environment with all packages, or install python/troupe_worker/${REQUIREMENTS[engine] ?? 'requirements.txt'} into it`;
  return typeof message === 'string'
    ? message
    : `expected the worker of "${python}" to print its address, got "${line.slice(0, 80)}"`;
}

function lastLine(text: string): string {
  return (text.trim().split('\n').at(-1) ?? '').trim().slice(0, STDERR_TAIL_LENGTH);
}
