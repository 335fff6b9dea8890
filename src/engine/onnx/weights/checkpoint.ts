/**
 * Reads and writes Hugging Face folders: `config.json`, `model.safetensors`, the tokenizer's files, and AdamW's state
 * in `optimizer.safetensors`.
 * @module
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openModelWeights, readConfigText } from '../../../gguf/model-files.ts';
import { isGgufModel, requireModel } from '../../../gguf/model-path.ts';
import { removeQuietly, syncFolder, writeError, writeFileAtomic } from '../../../support/atomic-file.ts';
import { ConfigError } from '../../../support/errors.ts';
import { writeSafetensors } from '../../../support/safetensors.ts';
import { INDEX_FILE, WEIGHTS_FILE as WEIGHTS, type WeightFiles } from '../../../support/weight-files.ts';
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

/** A checkpoint in memory. */
export interface Checkpoint {
  readonly config: DecoderConfig;
  readonly weights: Weights;
  readonly tokenizer: TokenizerFiles;
  readonly optimizer?: OptimizerState;
}

/**
 * Writes a folder. All files are written to a temporary subfolder first and then moved, so that a failed write does
 * not damage an existing checkpoint. Files of the old checkpoint that the new one does not have are removed; other
 * files stay.
 *
 * @throws StoreError if a file cannot be written; the old checkpoint is intact
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

/**
 * Moves the files in order. The old optimizer state is removed first, because it must never be in a folder
 * with weights to which it does not belong.
 */
function moveFiles(
  names: readonly string[],
  { from, to }: { readonly from: string; readonly to: string },
): void {
  for (const name of [OPTIMIZER, INDEX_FILE]) rmSync(join(to, name), { force: true });
  for (const name of names) renameSync(join(from, name), join(to, name));
  for (const name of TOKENIZER_FILES) if (!names.includes(name)) rmSync(join(to, name), { force: true });
}

/** Writes all files. @returns their names in the order in which they must be moved */
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
 * Reads a folder, or a GGUF file.
 *
 * @param options.optimizer - also read the optimizer state, if the folder has one
 * @throws ConfigError if a file is missing, truncated, or inconsistent with the others
 */
export function loadCheckpoint(dir: string, options: { readonly optimizer: boolean }): Checkpoint {
  const { config, tokenizer } = readCheckpointFiles(dir);
  const specs = parameterSpecs(config);
  const checkpoint = { config, weights: readWeights(dir, specs), tokenizer };
  const path = join(dir, OPTIMIZER);
  if (!options.optimizer || !existsSync(path)) return checkpoint;
  return { ...checkpoint, optimizer: readOptimizer(path, specs) };
}

/**
 * Reads the weights one tensor at a time, so that memory never contains more than the model and one tensor.
 */
function readWeights(dir: string, specs: readonly ParameterSpec[]): Map<string, Float32Array> {
  const weights = new Map<string, Float32Array>();
  readParameters(dir, specs, (spec, values) => weights.set(spec.name, values));
  return weights;
}

/** Reads config and tokenizer files, without the weights. @throws ConfigError if a file is missing or invalid */
export function readCheckpointFiles(dir: string): Pick<Checkpoint, 'config' | 'tokenizer'> {
  requireModel(dir);
  return { config: readDecoderConfig(dir), tokenizer: readTokenizerFiles(dir) };
}

/**
 * Reads the weights of a folder one parameter at a time.
 *
 * @param onParameter - called with each parameter's values, which it then owns, and their dtype on disk
 * @throws ConfigError if a tensor is missing, has another shape, or is not part of the model
 */
export function readParameters(
  dir: string,
  specs: readonly ParameterSpec[],
  onParameter: (spec: ParameterSpec, values: Float32Array, dtype: string) => void,
): void {
  const files = openModelWeights(dir);
  try {
    const known = new Set(specs.flatMap(({ parts }) => parts.map(({ name }) => name)));
    // some checkpoints contain tied output weights and rotary frequencies, which are redundant
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

/**
 * Rejects unknown tensors. They mean that the weights have another architecture or another number of layers
 * than the config.
 */
function rejectUnknownTensors({ path, tensors }: WeightFiles, isKnown: (name: string) => boolean): void {
  const unknown = [...tensors.keys()].find((name) => !isKnown(name));
  if (unknown !== undefined)
    throw new ConfigError(
      `${path}: tensor "${unknown}" has no place in the model that config.json describes; the two belong to different models`,
    );
}

/** Reads the configuration of a folder or a GGUF file. @throws ConfigError if it is missing or not supported */
export function readDecoderConfig(dir: string): DecoderConfig {
  const path = isGgufModel(dir) ? dir : join(dir, CONFIG);
  return parseDecoderConfig(parseJsonObject(readConfigText(dir), path), path);
}
