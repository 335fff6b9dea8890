/**
 * The engine on a Ray cluster: one front that speaks the worker's protocol, and behind it one actor per agent.
 * Everything but the way in is the engine on PyTorch.
 * @see python/troupe_worker/src/troupe_worker/cluster for the other side
 * @module
 */
import type { Connection } from '../torch/connection.ts';
import { createTorchEngine, type TorchEngine, type TorchEngineOptions } from '../torch/engine.ts';

/** What a team asks of a cluster. */
export interface TeamPlacement {
  /** How many actors: a second model of an agent, such as its champion's, lives beside the first. */
  readonly agents: number;
  /** Of each agent; fractions share a CPU. */
  readonly cpusPerAgent: number;
  /** Of each agent; fractions share a card, 0: CPUs only, more than 1: the model is dealt out among them. */
  readonly gpusPerAgent: number;
  /** Processes that each agent's model is dealt out among; 0: one per GPU, at least one. */
  readonly ranksPerAgent: number;
  /** Over the nodes, or on as few as can be. */
  readonly placement: 'spread' | 'pack';
  /** How long resources that others use, or nodes that died, are waited for. */
  readonly waitSeconds: number;
  /** Model and run folders have the same paths on all nodes; else their files travel. */
  readonly sharedFiles: boolean;
}

/** A cluster that ends with the run. */
export interface LocalCluster {
  readonly cpus?: number;
  readonly gpus?: number;
  readonly objectStoreMib?: number;
  readonly temporary?: string;
}

export interface RayEngineOptions
  extends Omit<TorchEngineOptions, 'address' | 'device' | 'variant'>,
    TeamPlacement {
  /**
   * `auto`: the cluster that this machine is a node of. `HOST:PORT`: of the cluster's head. `http://HOST:PORT`:
   * a front that runs already. `local`: a cluster of this machine alone, for this run alone.
   */
  readonly address: string;
  /** Of a front that runs already. */
  readonly token: string;
  /** With `local`. */
  readonly local?: LocalCluster;
}

/** The process that answers at the front's address; a cluster of our own takes its time to end. */
export const RAY_DRIVER = { engine: 'ray', module: 'troupe_worker.cluster', graceMs: 30_000 } as const;

/** @throws ConfigError for an address that is none */
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

/** What a front is told of the cluster. */
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
