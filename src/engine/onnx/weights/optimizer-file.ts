/**
 * AdamW's state in the folder of a checkpoint or an adapter: the moments of every tensor as `m.<name>` and `v.<name>`.
 * @module
 */
import { ConfigError } from '../../../support/errors.ts';
import { readSafetensors, writeSafetensors } from '../../../support/safetensors.ts';
import { fromDiskTensors, type ParameterSpec, tensorSource, toDiskTensors } from '../decoder/parameters.ts';
import type { OptimizerState } from './parameter-store.ts';

export const OPTIMIZER = 'optimizer.safetensors';

/** Writes the state. @throws StoreError if the file cannot be written */
export function writeOptimizer(path: string, specs: readonly ParameterSpec[], state: OptimizerState): void {
  const moments = (kind: 'm' | 'v') =>
    toDiskTensors(specs, state[kind]).map((tensor) => ({ ...tensor, name: `${kind}.${tensor.name}` }));
  writeSafetensors(path, [...moments('m'), ...moments('v')], { step: String(state.step) });
}

/** Reads the state. @throws ConfigError if the file does not fit the parameters, or has no step count */
export function readOptimizer(path: string, specs: readonly ParameterSpec[]): OptimizerState {
  const { tensors, metadata } = readSafetensors(path);
  const step = Number(metadata.step);
  if (metadata.step === undefined || !Number.isSafeInteger(step) || step < 0)
    throw new ConfigError(`${path}: expected a step count in the metadata, got ${metadata.step}`);
  const moments = (kind: 'm' | 'v') => fromDiskTensors(specs, tensorSource(tensors, `${kind}.`), path);
  return { step, m: moments('m'), v: moments('v') };
}
