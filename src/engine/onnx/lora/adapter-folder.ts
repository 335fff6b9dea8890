/**
 * Reads and writes adapter folders in PEFT's format: `adapter_config.json` and `adapter_model.safetensors`, and AdamW's
 * state in `optimizer.safetensors`.
 * @see ../weights/checkpoint.ts for folders of full models
 * @module
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { writeFileAtomic } from '../../../support/atomic-file.ts';
import { ConfigError } from '../../../support/errors.ts';
import { expandHome } from '../../../support/home-folder.ts';
import { readModelFileText } from '../../../support/read-model-file.ts';
import { readSafetensors, writeSafetensors } from '../../../support/safetensors.ts';
import { parseJsonObject } from '../../text/json-object.ts';
import type { DecoderConfig } from '../decoder/config.ts';
import {
  adapterSpecs,
  fromDiskTensors,
  type ParameterSpec,
  tensorSource,
  toDiskTensors,
  type Weights,
} from '../decoder/parameters.ts';
import { OPTIMIZER, readOptimizer, writeOptimizer } from '../weights/optimizer-file.ts';
import type { OptimizerState } from '../weights/parameter-store.ts';
import {
  ADAPTER_CONFIG,
  type AdapterConfig,
  adapterConfigJson,
  parseAdapterConfig,
} from './adapter-config.ts';

const WEIGHTS = 'adapter_model.safetensors';

export interface Adapter {
  readonly config: AdapterConfig;
  readonly weights: Weights;
  readonly optimizer?: OptimizerState;
}

export function isAdapterFolder(dir: string): boolean {
  return existsSync(join(dir, ADAPTER_CONFIG));
}

/** Reads an adapter's config. @throws ConfigError if the file is invalid or has unsupported settings */
export function readAdapterConfig(dir: string): AdapterConfig {
  const path = join(dir, ADAPTER_CONFIG);
  return parseAdapterConfig(parseJsonObject(readModelFileText(path), path), path);
}

/**
 * Resolves the folder of an adapter's base model: relative to the working directory, else to the adapter's folder.
 *
 * @param dir - the adapter's folder
 * @param base - path of the base model in the adapter's config
 * @throws ConfigError if neither folder exists
 */
export function adapterBaseFolder(dir: string, base: string): string {
  const found = [resolve(expandHome(base)), resolve(dir, base)].find((path) => existsSync(path));
  if (found === undefined)
    throw new ConfigError(
      `${join(dir, ADAPTER_CONFIG)} base_model_name_or_path: expected the folder of the base model, "${base}" does not exist; fetch the base and write its folder there`,
      { code: 'TROUPE_MODEL_MISSING' },
    );
  return found;
}

/**
 * Reads an adapter.
 *
 * @param base - config of the base model
 * @param options.optimizer - also read the optimizer state, if the folder has one
 * @throws ConfigError if a tensor is missing, has another shape, or is not part of the adapter
 */
export function readAdapter(
  dir: string,
  base: DecoderConfig,
  options: { readonly optimizer: boolean },
): Adapter {
  const config = readAdapterConfig(dir);
  const specs = adapterSpecs(base, config);
  const path = join(dir, WEIGHTS);
  if (!existsSync(path)) throw new ConfigError(`${path}: the file is missing; an adapter needs its weights`);
  const { tensors } = readSafetensors(path);
  const weights = fromDiskTensors(specs, tensorSource(tensors), path);
  const unknown = [...tensors.keys()].find((name) => !hasPart(specs, name));
  if (unknown !== undefined)
    throw new ConfigError(
      `${path}: tensor "${unknown}" has no place in the adapter that ${ADAPTER_CONFIG} describes for ${config.base}`,
    );
  const moments = join(dir, OPTIMIZER);
  if (!options.optimizer || !existsSync(moments)) return { config, weights };
  return { config, weights, optimizer: readOptimizer(moments, specs) };
}

function hasPart(specs: readonly ParameterSpec[], name: string): boolean {
  return specs.some(({ parts }) => parts.some((part) => part.name === name));
}

/**
 * Writes an adapter. Each file is replaced atomically. The config is written last, because a folder without a
 * config does not count as an adapter. The old optimizer state is removed first, because it must never be in
 * a folder with weights to which it does not belong.
 *
 * @throws StoreError if a file cannot be written
 */
export function saveAdapter(dir: string, base: DecoderConfig, adapter: Adapter): void {
  const specs = adapterSpecs(base, adapter.config);
  mkdirSync(dir, { recursive: true });
  rmSync(join(dir, OPTIMIZER), { force: true });
  writeSafetensors(join(dir, WEIGHTS), toDiskTensors(specs, adapter.weights));
  if (adapter.optimizer) writeOptimizer(join(dir, OPTIMIZER), specs, adapter.optimizer);
  writeFileAtomic(
    join(dir, ADAPTER_CONFIG),
    `${JSON.stringify(adapterConfigJson(adapter.config), null, 2)}\n`,
  );
}
