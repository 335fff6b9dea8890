/**
 * The engines whose models run in processes of their own, and those processes. A run of the embedded engine does not
 * load this file.
 * @module
 */
import type { ResolvedConfig } from '../config/resolve.ts';
import { rayOptions, torchOptions } from '../config/train-options.ts';
import { type RayDriver, type RayDriverOptions, startRayDriverProcess } from '../engine/ray/driver.ts';
import { createRayEngine } from '../engine/ray/engine.ts';
import { readCheckpointTokenizer } from '../engine/text/checkpoint-text.ts';
import { createTorchEngine, type TimedModelCall, type TorchEngine } from '../engine/torch/engine.ts';
import {
  type Environment,
  type EnvironmentOptions,
  ensureEnvironment,
  environmentFolder,
  findEnvironment,
  RAY_REQUIREMENTS,
  WORKER_REQUIREMENTS,
} from '../engine/torch/environment.ts';
import {
  type StandaloneWorker,
  type StandaloneWorkerOptions,
  startStandaloneWorker,
} from '../engine/torch/standalone-worker.ts';

export type { RayDriver } from '../engine/ray/driver.ts';
export type { StandaloneWorker } from '../engine/torch/standalone-worker.ts';

/**
 * The engine on PyTorch that a team file names; its token is never in a file.
 *
 * @throws ConfigError whose path is an option of the engine's section
 */
export function composeTorch(
  { config }: ResolvedConfig,
  onWork?: (work: TimedModelCall) => void,
): TorchEngine {
  const { TROUPE_PYTHON, TROUPE_WORKER_TOKEN: token = '' } = process.env;
  const isRay = config.engine.kind === 'ray';
  const installed = TROUPE_PYTHON ?? findEnvironment(isRay ? RAY_PARTS : WORKER_PARTS);
  const common = { python: installed ?? 'python3', readTokenizer: readCheckpointTokenizer, onWork };
  if (isRay) return createRayEngine({ ...common, token, ...rayOptions(config) });
  const { address, ...options } = torchOptions(config);
  return createTorchEngine({
    ...common,
    ...options,
    ...(address === undefined ? {} : { address: { url: address, token } }),
  });
}

/** Default folder of the workers' environment. */
export const WORKER_ENVIRONMENT = environmentFolder('worker');
const WORKER_PARTS = { folder: WORKER_ENVIRONMENT, requirements: [WORKER_REQUIREMENTS] };

/** Makes the workers' environment unless it exists. @throws EngineError; no partial environment is left */
export function createWorkerEnvironment(
  options: Omit<EnvironmentOptions, 'folder' | 'requirements'> & { readonly folder?: string },
): Promise<Environment> {
  return ensureEnvironment({ ...WORKER_PARTS, ...options });
}

/** Default folder of Ray's environment. */
export const RAY_ENVIRONMENT = environmentFolder('ray');
const RAY_PARTS = { folder: RAY_ENVIRONMENT, requirements: [WORKER_REQUIREMENTS, RAY_REQUIREMENTS] };

/** Makes Ray's environment unless it exists. @throws EngineError; no partial environment is left */
export function createRayEnvironment(
  options: Omit<EnvironmentOptions, 'folder' | 'requirements'> & { readonly folder?: string },
): Promise<Environment> {
  return ensureEnvironment({ ...RAY_PARTS, ...options });
}

/** Starts a driver of a cluster that other processes use. @throws EngineError */
export function startRayDriver(options: RayDriverOptions): Promise<RayDriver> {
  return startRayDriverProcess(options);
}

/** Starts a worker that other processes use. @throws EngineError */
export function launchWorker(options: StandaloneWorkerOptions): Promise<StandaloneWorker> {
  return startStandaloneWorker(options);
}
