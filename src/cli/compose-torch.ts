/**
 * The engines whose models run in processes of their own, and those processes. A run of the embedded engine does not
 * load this file.
 * @module
 */
import type { ResolvedConfig } from '../config/resolve.ts';
import { rayOptions, torchOptions } from '../config/train-options.ts';
import { readCheckpointTokenizer } from '../engine/onnx/checkpoint-text.ts';
import { createRayEngine } from '../engine/ray/engine.ts';
import { type FrontOptions, type RayFront, startFront } from '../engine/ray/front.ts';
import { createTorchEngine, type TorchEngine, type Work } from '../engine/torch/engine.ts';
import {
  type Environment,
  type EnvironmentOptions,
  ensureEnvironment,
  environmentFolder,
  findEnvironment,
  RAY_REQUIREMENTS,
  WORKER_REQUIREMENTS,
} from '../engine/torch/environment.ts';
import { type LaunchOptions, launch, type WorkerLaunch } from '../engine/torch/launch.ts';

export type { RayFront } from '../engine/ray/front.ts';
export type { WorkerLaunch } from '../engine/torch/launch.ts';

/**
 * The engine on PyTorch that a team file names; its token is never in a file.
 *
 * @throws ConfigError whose path is an option of the engine's section
 */
export function composeTorch({ config }: ResolvedConfig, onWork?: (work: Work) => void): TorchEngine {
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

/** Where the environment of workers is unless said otherwise. */
export const WORKER_ENVIRONMENT = environmentFolder('worker');
const WORKER_PARTS = { folder: WORKER_ENVIRONMENT, requirements: [WORKER_REQUIREMENTS] };

/** Makes the environment of workers, or finds it made. @throws EngineError in one line, nothing half-made left */
export function createWorkerEnvironment(
  options: Omit<EnvironmentOptions, 'folder' | 'requirements'> & { readonly folder?: string },
): Promise<Environment> {
  return ensureEnvironment({ ...WORKER_PARTS, ...options });
}

/** Where the environment of Ray is unless said otherwise. */
export const RAY_ENVIRONMENT = environmentFolder('ray');
const RAY_PARTS = { folder: RAY_ENVIRONMENT, requirements: [WORKER_REQUIREMENTS, RAY_REQUIREMENTS] };

/** The same with Ray. @throws EngineError likewise */
export function createRayEnvironment(
  options: Omit<EnvironmentOptions, 'folder' | 'requirements'> & { readonly folder?: string },
): Promise<Environment> {
  return ensureEnvironment({ ...RAY_PARTS, ...options });
}

/** Starts a front to a cluster that other processes use. @throws EngineError */
export function startRayFront(options: FrontOptions): Promise<RayFront> {
  return startFront(options);
}

/** Starts a worker that other processes use. @throws EngineError */
export function launchWorker(options: LaunchOptions): Promise<WorkerLaunch> {
  return launch(options);
}
