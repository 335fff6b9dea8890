/**
 * A front that outlives a run: started by hand, told where it is, ended by hand.
 * @module
 */
import { Connection } from '../torch/connection.ts';
import { startWorker, type WorkerProcess } from '../torch/worker-process.ts';
import { FRONT, frontArguments, type LocalCluster } from './engine.ts';

export interface FrontOptions {
  readonly python: string;
  /** Of the cluster; `local` starts one that ends with the front. */
  readonly address: string;
  /** To listen on. */
  readonly host: string;
  readonly port: number;
  /** Default: made up. */
  readonly token?: string | undefined;
  readonly local?: LocalCluster;
}

/** What a user is told. */
export interface FrontFacts {
  readonly url: string;
  readonly token: string;
  /** Whether the caller brought the token. */
  readonly tokenIsOwn: boolean;
  readonly nodes: number;
  readonly cpus: number;
  readonly gpus: number;
  /** A share to begin with. */
  readonly gpusPerAgent: number;
}

export class RayFront {
  readonly facts: FrontFacts;
  readonly #process: WorkerProcess;

  constructor(process: WorkerProcess, facts: FrontFacts) {
    this.#process = process;
    this.facts = facts;
  }

  get pid(): number | undefined {
    return this.#process.pid;
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
export async function startFront({
  python,
  address,
  host,
  port,
  token,
  local,
}: FrontOptions): Promise<RayFront> {
  const process = await startWorker({
    ...FRONT,
    python,
    host,
    port,
    token,
    isShared: true,
    args: frontArguments(address, local),
  });
  const connection = new Connection({
    engine: 'ray',
    url: process.url,
    token: process.token,
    death: () => process.death(),
  });
  try {
    const { nodes = 0, cpus = 0, gpus = 0 } = await connection.hello();
    const facts = {
      url: process.url,
      token: process.token,
      tokenIsOwn: token !== undefined,
      nodes,
      cpus,
      gpus,
    };
    return new RayFront(process, { ...facts, gpusPerAgent: gpus > 0 ? 1 : 0 });
  } catch (error) {
    await process.close();
    throw error;
  } finally {
    connection.close();
  }
}
