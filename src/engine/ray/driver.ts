/**
 * A Ray driver that several runs can share, started by `troupe ray up`. The driver is the process that
 * connects to the cluster, owns the actors, and serves the worker protocol over HTTP.
 * @module
 */
import { Connection } from '../torch/connection.ts';
import { startWorker, type WorkerProcess } from '../torch/worker-process.ts';
import { driverArguments, type LocalCluster, RAY_DRIVER } from './engine.ts';

export interface RayDriverOptions {
  readonly python: string;
  /** Address of the cluster; `local` starts a cluster that ends with the driver. */
  readonly address: string;
  /** Host name or address to listen on. */
  readonly host: string;
  readonly port: number;
  /** Bearer token of the clients. Default: a random token. */
  readonly token?: string | undefined;
  readonly local?: LocalCluster;
}

/** Facts about a running driver and its cluster, which the command prints. */
export interface RayDriverInfo {
  readonly url: string;
  readonly token: string;
  /** Whether the caller supplied the token; false if it was generated. */
  readonly tokenIsOwn: boolean;
  readonly nodes: number;
  readonly cpus: number;
  readonly gpus: number;
  /** Suggested value of `ray.gpus_per_agent`. */
  readonly gpusPerAgent: number;
}

/** A running driver process. */
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

  /** Waits until the driver exits or the signal aborts. @returns how it exited; undefined if it still runs */
  ended(signal: AbortSignal): Promise<string | undefined> {
    return this.#process.ended(signal);
  }

  close(): Promise<void> {
    return this.#process.close();
  }
}

/** Starts a driver process. @throws EngineError if it cannot start */
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
