/**
 * A standalone worker that other processes connect to, started by `troupe worker up`.
 * @module
 */
import { Connection } from './connection.ts';
import { startWorker, type WorkerProcess, type WorkerProcessOptions } from './worker-process.ts';

export type StandaloneWorkerOptions = Omit<WorkerProcessOptions, 'isShared'>;

/** Facts about a running worker, which the command prints. */
export interface StandaloneWorkerInfo {
  readonly url: string;
  readonly token: string;
  /** Whether the caller supplied the token; false if it was generated. */
  readonly tokenIsOwn: boolean;
  readonly pid: number | undefined;
  readonly device: string;
  readonly torch: string;
  /** Version of vLLM, if the worker's Python has it. */
  readonly vllm?: string | undefined;
}

/** A running standalone worker. */
export class StandaloneWorker {
  readonly facts: StandaloneWorkerInfo;
  readonly #process: WorkerProcess;

  constructor(process: WorkerProcess, facts: StandaloneWorkerInfo) {
    this.#process = process;
    this.facts = facts;
  }

  /** Waits until the worker exits or the signal aborts. @returns how it exited; undefined if it still runs */
  ended(signal: AbortSignal): Promise<string | undefined> {
    return this.#process.ended(signal);
  }

  close(): Promise<void> {
    return this.#process.close();
  }
}

/** Starts a standalone worker. @throws EngineError if it cannot start */
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
