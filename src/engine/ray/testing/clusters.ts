/**
 * Small Ray clusters for tests and benchmarks: a local cluster of one engine, or two raylets (Ray's node
 * processes) with fault injection.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { readCheckpointTokenizer } from '../../text/checkpoint-text.ts';
import type { TorchEngine } from '../../torch/engine.ts';
import { WORKER_SOURCE } from '../../torch/worker-process.ts';
import { createRayEngine, type RayEngineOptions } from '../engine.ts';

const PYTHON = process.env.TROUPE_PYTHON ?? 'python3';
const PACKAGE = fileURLToPath(new URL('../../../../python/troupe_worker', import.meta.url));

/**
 * Creates a temporary folder with a short path, because Ray creates sockets below it and their paths are
 * limited.
 */
export function rayFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'tr-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 20 }) };
}

export function rayEngine(changes: Partial<RayEngineOptions> = {}): TorchEngine {
  return createRayEngine({
    python: PYTHON,
    address: 'local',
    token: '',
    agents: 1,
    cpusPerAgent: 0.5,
    gpusPerAgent: 0,
    ranksPerAgent: 0,
    placement: 'spread',
    waitSeconds: 300,
    sharedFiles: false,
    dtype: 'float32',
    threads: 1,
    tokenBudget: 64,
    decodeBatch: 3,
    readTokenizer: readCheckpointTokenizer,
    ...changes,
  });
}

/** A cluster of two raylets on this machine with fault injection; see python/troupe_worker/tests/two_raylets.py. */
export class TwoRaylets {
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, address: string, lines: AsyncIterator<string>) {
    this.#child = child;
    this.address = address;
    this.#lines = lines;
  }

  static async start(): Promise<TwoRaylets> {
    const child = spawn(PYTHON, ['-m', 'tests.two_raylets'], {
      cwd: PACKAGE,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, PYTHONPATH: WORKER_SOURCE, PYTHONDONTWRITEBYTECODE: '1' },
    });
    const reader: Interface = createInterface({ input: child.stdout });
    const lines = reader[Symbol.asyncIterator]();
    const { value } = await lines.next();
    return new TwoRaylets(child, (JSON.parse(String(value)) as { readonly address: string }).address, lines);
  }

  /** Sends a command to the cluster script and waits until the script has executed it. */
  async tell(what: 'kill-actor' | 'kill-node' | 'add-node'): Promise<void> {
    this.#child.stdin?.write(`${what}\n`);
    if ((await this.#lines.next()).done) throw new Error(`the cluster script exited during "${what}"`);
  }

  async close(): Promise<void> {
    const child = this.#child;
    // the script has exited and printed the reason to stderr
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.stdin?.end();
    await ended;
  }
}
