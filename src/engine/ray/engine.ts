/**
 * The Ray engine: a driver process, which serves the worker protocol over HTTP, and one Ray actor per agent.
 * Apart from the connection, it works like the PyTorch engine.
 * @see python/troupe_worker/src/troupe_worker/cluster for the driver and the actors
 * @module
 */
import type { Connection } from '../torch/connection.ts';
import { createTorchEngine, type TorchEngine, type TorchEngineOptions } from '../torch/engine.ts';

/** Resources that a team reserves on a cluster. */
export interface TeamPlacement {
  /**
   * Number of agents, each with its own actors (Ray processes). An actor can hold several models of its
   * agent, e.g. also that of the champion, the last team that a test has accepted.
   */
  readonly agents: number;
  /** Number of CPUs per agent. Agents with a fraction of a CPU share one. */
  readonly cpusPerAgent: number;
  /**
   * Number of GPUs per agent. 0: CPU only; a fraction: agents share a GPU; more than 1: the model is sharded
   * over GPUs.
   */
  readonly gpusPerAgent: number;
  /** Ranks (processes) over which each agent's model is sharded; 0: one per GPU, at least one. */
  readonly ranksPerAgent: number;
  /** Ray's placement strategy: spread agents over the nodes, or pack them on few nodes. */
  readonly placement: 'spread' | 'pack';
  /** Maximum time to wait for occupied resources or lost nodes, seconds. */
  readonly waitSeconds: number;
  /**
   * Whether model and run folders have the same paths on all nodes. If not, their files are copied between
   * nodes.
   */
  readonly sharedFiles: boolean;
}

/**
 * Resources of a cluster that runs on this machine alone and ends with the run. Absent values: Ray's
 * defaults.
 */
export interface LocalCluster {
  readonly cpus?: number;
  readonly gpus?: number;
  readonly objectStoreMib?: number;
  readonly temporary?: string;
}

/** Options of {@link createRayEngine}. */
export interface RayEngineOptions
  extends Omit<TorchEngineOptions, 'address' | 'device' | 'variant'>,
    TeamPlacement {
  /**
   * `auto`: the cluster of which this machine is a node. `HOST:PORT`: address of the cluster's head node.
   * `http://HOST:PORT`: a running driver. `local`: a new cluster of this machine alone, which ends with the run.
   */
  readonly address: string;
  /** Bearer token of a running driver. */
  readonly token: string;
  /** Resources of the local cluster. Used only if the address is `local`. */
  readonly local?: LocalCluster;
}

/** Options of the driver process. The grace period is long, because stopping a local cluster is slow. */
export const RAY_DRIVER = { engine: 'ray', module: 'troupe_worker.cluster', graceMs: 30_000 } as const;

/**
 * Creates the Ray engine. The driver starts, or the connection opens, with the first model.
 *
 * @throws ConfigError if the address is not valid
 */
export function createRayEngine({ address, token, local, ...options }: RayEngineOptions): TorchEngine {
  const isDriver = address.startsWith('http');
  return createTorchEngine({
    ...options,
    device: 'auto',
    ...(isDriver && { address: { url: address, token } }),
    variant: {
      name: 'ray',
      process: { ...RAY_DRIVER, args: driverArguments(address, local) },
      parallel: true,
      enter: (connection) => reserve(connection, options),
      leave: async (connection) => {
        await connection.call({ call: 'leave' });
      },
    },
  });
}

async function reserve(
  connection: Connection,
  { threads, ...team }: TeamPlacement & { readonly threads: number },
): Promise<void> {
  await connection.call({
    call: 'reserve',
    params: {
      agents: team.agents,
      cpus_per_agent: team.cpusPerAgent,
      gpus_per_agent: team.gpusPerAgent,
      ranks_per_agent: team.ranksPerAgent,
      threads,
      placement: team.placement,
      wait_seconds: team.waitSeconds,
      shared_files: team.sharedFiles,
    },
  });
}

/** Command-line arguments of the driver process. */
export function driverArguments(
  address: string,
  { cpus, gpus, objectStoreMib, temporary }: LocalCluster = {},
): string[] {
  const given: readonly (readonly [string, number | string | undefined])[] = [
    ['--address', address],
    ['--num-cpus', cpus],
    ['--num-gpus', gpus],
    ['--object-store-mib', objectStoreMib],
    ['--temp-dir', temporary],
  ];
  return given.flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)]));
}
