/**
 * Hugging Face folders in and out: `config.json`, `model.safetensors`, the tokenizer's files, and beside
 * them the optimiser's moments in `optimizer.safetensors`.
 * @module
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { removeQuietly, syncFolder, writeError, writeFileAtomic } from '../../../support/atomic-file.ts';
import { ConfigError } from '../../../support/errors.ts';
import { writeSafetensors } from '../../../support/safetensors.ts';
import {
  INDEX_FILE,
  openWeightFiles,
  WEIGHTS_FILE as WEIGHTS,
  type WeightFiles,
} from '../../../support/weight-files.ts';
import { parseJsonObject } from '../../text/json-object.ts';
import { readTokenizerFiles, TOKENIZER_FILES, type TokenizerFiles } from '../../text/tokenizer-files.ts';
import { type DecoderConfig, parseDecoderConfig } from '../decoder/config.ts';
import { decoderConfigJson } from '../decoder/config-json.ts';
import {
  fromDiskTensors,
  type ParameterSpec,
  parameterSpecs,
  type TensorSource,
  toDiskTensors,
  type Weights,
} from '../decoder/parameters.ts';
import { OPTIMIZER, readOptimizer, writeOptimizer } from './optimizer-file.ts';
import type { OptimizerState } from './parameter-store.ts';

const CONFIG = 'config.json';

export interface Checkpoint {
  readonly config: DecoderConfig;
  readonly weights: Weights;
  readonly tokenizer: TokenizerFiles;
  readonly optimizer?: OptimizerState;
}

/**
 * Writes a folder. What can fail, writing, is done under a temporary name inside it; then the files move
 * into place, and those of an earlier checkpoint that this one does not have are gone. Other files stay.
 *
 * @throws StoreError if a file cannot be written; those that were there are intact
 */
export function saveCheckpoint(dir: string, checkpoint: Checkpoint): void {
  const temporary = join(dir, `.tmp-${process.pid}`);
  const intact = existsSync(join(dir, CONFIG))
    ? 'the checkpoint that was there is intact'
    : 'nothing half-written is left';
  try {
    mkdirSync(temporary, { recursive: true });
    moveFiles(writeFiles(temporary, checkpoint), { from: temporary, to: dir });
  } catch (error) {
    throw writeError(dir, error, intact);
  } finally {
    removeQuietly(temporary);
  }
  syncFolder(dir);
}

/** Moments must never stand beside weights that are not theirs, and a folder without config.json is no checkpoint. */
function moveFiles(
  names: readonly string[],
  { from, to }: { readonly from: string; readonly to: string },
): void {
  for (const name of [OPTIMIZER, INDEX_FILE]) rmSync(join(to, name), { force: true });
  for (const name of names) renameSync(join(from, name), join(to, name));
  for (const name of TOKENIZER_FILES) if (!names.includes(name)) rmSync(join(to, name), { force: true });
}

/** @returns names of the files, in the order in which they may appear */
function writeFiles(dir: string, { config, weights, tokenizer, optimizer }: Checkpoint): string[] {
  const specs = parameterSpecs(config);
  writeSafetensors(join(dir, WEIGHTS), toDiskTensors(specs, weights));
  for (const [name, bytes] of tokenizer.files) writeFileAtomic(join(dir, name), bytes);
  writeFileAtomic(join(dir, CONFIG), `${JSON.stringify(decoderConfigJson(config), null, 2)}\n`);
  const names = [WEIGHTS, ...tokenizer.files.keys(), CONFIG];
  if (optimizer === undefined) return names;
  writeOptimizer(join(dir, OPTIMIZER), specs, optimizer);
  return [...names, OPTIMIZER];
}

/**
 * @param options.optimizer - read the optimiser's state too, if it is there
 * @throws ConfigError if a file is missing, cut short, or does not fit the others
 */
export function loadCheckpoint(dir: string, options: { readonly optimizer: boolean }): Checkpoint {
  const { config, tokenizer } = readCheckpointFiles(dir);
  const specs = parameterSpecs(config);
  const checkpoint = { config, weights: readWeights(dir, specs), tokenizer };
  const path = join(dir, OPTIMIZER);
  if (!options.optimizer || !existsSync(path)) return checkpoint;
  return { ...checkpoint, optimizer: readOptimizer(path, specs) };
}

/** One tensor at a time, so that no more than the model and one tensor is in memory. */
function readWeights(dir: string, specs: readonly ParameterSpec[]): Map<string, Float32Array> {
  const weights = new Map<string, Float32Array>();
  readParameters(dir, specs, (spec, values) => weights.set(spec.name, values));
  return weights;
}

/** What of a checkpoint is not numbers. @throws ConfigError if a file is missing or does not fit the others */
export function readCheckpointFiles(dir: string): Pick<Checkpoint, 'config' | 'tokenizer'> {
  if (!existsSync(dir) || !statSync(dir).isDirectory())
    throw new ConfigError(
      `${dir}: the model folder does not exist; check the path, or make one with troupe pretrain`,
      {
        code: 'TROUPE_MODEL_MISSING',
      },
    );
  return { config: readDecoderConfig(dir), tokenizer: readTokenizerFiles(dir) };
}

/**
 * Reads the weights of a folder one parameter after another.
 *
 * @param onParameter - given each parameter's values, its own from then on, and their type on disk
 * @throws ConfigError if a tensor is missing, has another shape, or has no place in the model
 */
export function readParameters(
  dir: string,
  specs: readonly ParameterSpec[],
  onParameter: (spec: ParameterSpec, values: Float32Array, dtype: string) => void,
): void {
  const files = openWeightFiles(dir);
  try {
    const known = new Set(specs.flatMap(({ parts }) => parts.map(({ name }) => name)));
    // tied weights are sometimes written twice; rotary frequencies follow from the config
    const isRedundant = (name: string): boolean =>
      name === 'lm_head.weight' || name.endsWith('.rotary_emb.inv_freq');
    rejectUnknownTensors(files, (name) => isRedundant(name) || known.has(name));
    const source: TensorSource = {
      shapeOf: (name) => files.tensors.get(name)?.shape,
      readInto: (name, target) => files.readInto(name, target),
    };
    for (const spec of specs) {
      const read = fromDiskTensors([spec], source, files.path);
      const [part] = spec.parts;
      onParameter(
        spec,
        read.get(spec.name) as Float32Array,
        files.tensors.get(part?.name ?? '')?.dtype ?? '',
      );
    }
  } finally {
    files.close();
  }
}

/** A tensor the config knows nothing of means another architecture, or another number of layers. */
function rejectUnknownTensors({ path, tensors }: WeightFiles, isKnown: (name: string) => boolean): void {
  const unknown = [...tensors.keys()].find((name) => !isKnown(name));
  if (unknown !== undefined)
    throw new ConfigError(
      `${path}: tensor "${unknown}" has no place in the model that config.json describes; the two belong to different models`,
    );
}

/** The architecture of a folder, whatever else is in it. @throws ConfigError */
export function readDecoderConfig(dir: string): DecoderConfig {
  const path = join(dir, CONFIG);
  if (!existsSync(path))
    throw new ConfigError(`${path}: the file is missing; a model folder needs its config.json`);
  return parseDecoderConfig(parseJsonObject(readFileSync(path, 'utf8'), path), path);
}
