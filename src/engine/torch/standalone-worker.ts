/**
 * A worker that other processes use: started by hand, told where it is, ended by hand.
 * @module
 */
import { Connection } from './connection.ts';
import { startWorker, type WorkerProcess, type WorkerProcessOptions } from './worker-process.ts';

export type StandaloneWorkerOptions = Omit<WorkerProcessOptions, 'isShared'>;

/** What a user is told. */
export interface StandaloneWorkerInfo {
  readonly url: string;
  readonly token: string;
  /** Whether the caller brought the token. */
  readonly tokenIsOwn: boolean;
  readonly pid: number | undefined;
  readonly device: string;
  readonly torch: string;
  /** Its version, where the worker's Python has it. */
  readonly vllm?: string | undefined;
}

export class StandaloneWorker {
  readonly facts: StandaloneWorkerInfo;
  readonly #process: WorkerProcess;

  constructor(process: WorkerProcess, facts: StandaloneWorkerInfo) {
    this.#process = process;
    this.facts = facts;
  }

  /** Waits until it ends by itself, and says how, or until the signal aborts. */
  ended(signal: AbortSignal): Promise<string | undefined> {
    return this.#process.ended(signal);
  }

  close(): Promise<void> {
    return this.#process.close();
  }
}

/** @throws EngineError if it cannot start */
export async function startStandaloneWorker(options: StandaloneWorkerOptions): Promise<StandaloneWorker> {
  const process = await startWorker({ ...options, isShared: true });
  const { url, token, pid } = process;
  const connection = new Connection({ url, token, death: () => process.death() });
  try {
    const { device, torch, vllm } = await connection.hello();
    return new StandaloneWorker(process, {
      url,
      token,
      tokenIsOwn: options.token !== undefined,
      pid,
      device,
      torch,
      vllm: vllm ?? undefined,
    });
  } catch (error) {
    await process.close();
    throw error;
  } finally {
    connection.close();
  }
}
