/**
 * Python environments of the PyTorch and Ray workers, and worker processes that keep running after a command
 * ends, so that other runs can use them.
 * @module
 */
import type { RayDriver, RayDriverOptions } from '../../engine/ray/driver.ts';
import {
  type Environment,
  type EnvironmentOptions,
  ensureEnvironment,
  environmentFolder,
  findEnvironment,
  RAY_REQUIREMENTS,
  WORKER_REQUIREMENTS,
} from '../../engine/torch/environment.ts';
import type { StandaloneWorker, StandaloneWorkerOptions } from '../../engine/torch/standalone-worker.ts';

export type { RayDriver, RayDriverOptions, StandaloneWorker, StandaloneWorkerOptions };

/** Kind of a Python environment: `worker` has PyTorch, `ray` has PyTorch and Ray. */
export type WorkerKind = 'worker' | 'ray';

/** Default folders of the virtual environments. */
export const WORKER_ENVIRONMENTS: Readonly<Record<WorkerKind, string>> = {
  worker: environmentFolder('worker'),
  ray: environmentFolder('ray'),
};

const REQUIREMENTS: Readonly<Record<WorkerKind, readonly string[]>> = {
  worker: [WORKER_REQUIREMENTS],
  ray: [WORKER_REQUIREMENTS, RAY_REQUIREMENTS],
};

/**
 * Returns the Python interpreter of the environment in the default folder; undefined if the environment is
 * not complete.
 */
export function installedPython(kind: WorkerKind): string | undefined {
  return findEnvironment({ folder: WORKER_ENVIRONMENTS[kind], requirements: REQUIREMENTS[kind] });
}

/**
 * Creates the virtual environment of a worker, unless a complete one exists.
 *
 * @throws EngineError if it cannot be created; a partial environment is removed
 */
export function installWorker(
  kind: WorkerKind,
  options: Omit<EnvironmentOptions, 'folder' | 'requirements'> & { readonly folder?: string },
): Promise<Environment> {
  return ensureEnvironment({
    folder: WORKER_ENVIRONMENTS[kind],
    requirements: REQUIREMENTS[kind],
    ...options,
  });
}

/** Starts a PyTorch worker for use by other processes. @throws EngineError if it does not start */
export async function startWorker(options: StandaloneWorkerOptions): Promise<StandaloneWorker> {
  const { startStandaloneWorker } = await import('../../engine/torch/standalone-worker.ts');
  return startStandaloneWorker(options);
}

/** Starts a driver of a Ray cluster for use by other processes. @throws EngineError if it does not start */
export async function startRayDriver(options: RayDriverOptions): Promise<RayDriver> {
  const { startRayDriverProcess } = await import('../../engine/ray/driver.ts');
  return startRayDriverProcess(options);
}
