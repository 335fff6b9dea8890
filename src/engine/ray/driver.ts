/**
 * A front that outlives a run: started by hand, told where it is, ended by hand.
 * @module
 */
import { Connection } from '../torch/connection.ts';
import { startWorker, type WorkerProcess } from '../torch/worker-process.ts';
import { driverArguments, type LocalCluster, RAY_DRIVER } from './engine.ts';

export interface RayDriverOptions {
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
export interface RayDriverInfo {
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

export class RayDriver {
  readonly facts: RayDriverInfo;
  readonly #process: WorkerProcess;

  constructor(process: WorkerProcess, facts: RayDriverInfo) {
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
export async function startRayDriverProcess({
  python,
  address,
  host,
  port,
  token,
  local,
}: RayDriverOptions): Promise<RayDriver> {
  const process = await startWorker({
    ...RAY_DRIVER,
    python,
    host,
    port,
    token,
    isShared: true,
    args: driverArguments(address, local),
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
    return new RayDriver(process, { ...facts, gpusPerAgent: gpus > 0 ? 1 : 0 });
  } catch (error) {
    await process.close();
    throw error;
  } finally {
    connection.close();
  }
}
