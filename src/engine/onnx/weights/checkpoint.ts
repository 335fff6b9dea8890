/**
 * Reads and writes Hugging Face folders: `config.json`, `model.safetensors`, the tokenizer's files, and AdamW's state
 * in `optimizer.safetensors`.
 * @module
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openModelWeights, readConfigText } from '../../../gguf/model-files.ts';
import { isGgufModel, requireModel } from '../../../gguf/model-path.ts';
import { removeQuietly, syncFolder, writeError, writeFileAtomic } from '../../../support/atomic-file.ts';
import { ConfigError } from '../../../support/errors.ts';
import { writeSafetensors } from '../../../support/safetensors.ts';
import { INDEX_FILE, WEIGHTS_FILE as WEIGHTS, type WeightFiles } from '../../../support/weight-files.ts';
import type { LoadOptions } from '../../engine.ts';
import { parseJsonObject } from '../../text/json-object.ts';
import { segmentationWarning } from '../../text/segmentation.ts';
import { textEncoder } from '../../text/tokenizer.ts';
import {
  NAMED_TEMPLATES,
  readTokenizerFiles,
  TOKENIZER_FILES,
  type TokenizerFiles,
} from '../../text/tokenizer-files.ts';
import { type DecoderConfig, parseDecoderConfig } from '../decoder/config.ts';
import { decoderConfigJson } from '../decoder/config-json.ts';
import {
  checkDiskTensors,
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
const LM_HEAD = 'lm_head.weight';

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
  rmSync(join(to, NAMED_TEMPLATES), { recursive: true, force: true });
  for (const name of names) {
    mkdirSync(dirname(join(to, name)), { recursive: true });
    renameSync(join(from, name), join(to, name));
  }
  for (const name of TOKENIZER_FILES) if (!names.includes(name)) rmSync(join(to, name), { force: true });
}

/** Writes all files. @returns their names in the order in which they must be moved */
function writeFiles(dir: string, { config, weights, tokenizer, optimizer }: Checkpoint): string[] {
  const specs = parameterSpecs(config);
  writeSafetensors(join(dir, WEIGHTS), toDiskTensors(specs, weights));
  for (const [name, bytes] of tokenizer.files) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileAtomic(join(dir, name), bytes);
  }
  writeFileAtomic(join(dir, CONFIG), `${JSON.stringify(decoderConfigJson(config), null, 2)}\n`);
  const names = [WEIGHTS, ...tokenizer.files.keys(), CONFIG];
  if (optimizer === undefined) return names;
  writeOptimizer(join(dir, OPTIMIZER), specs, optimizer);
  return [...names, OPTIMIZER];
}

/** Receives one line about each thing in a folder that is ignored and could matter; see `LoadOptions.onWarning`. */
export type OnWarning = LoadOptions['onWarning'];

/**
 * Reads a folder, or a GGUF file.
 *
 * @param options.optimizer - also read the optimizer state, if the folder has one
 * @throws ConfigError if a file is missing, truncated, or inconsistent with the others
 */
export function loadCheckpoint(
  dir: string,
  options: { readonly optimizer: boolean; readonly onWarning?: OnWarning },
): Checkpoint {
  const { config, tokenizer } = readCheckpointFiles(dir, options.onWarning);
  const specs = parameterSpecs(config);
  const checkpoint = { config, weights: readWeights(dir, specs, options.onWarning), tokenizer };
  const path = join(dir, OPTIMIZER);
  if (!options.optimizer || !existsSync(path)) return checkpoint;
  return { ...checkpoint, optimizer: readOptimizer(path, specs) };
}

/**
 * Reads the weights one tensor at a time, so that memory never contains more than the model and one tensor.
 */
function readWeights(
  dir: string,
  specs: readonly ParameterSpec[],
  onWarning: OnWarning,
): Map<string, Float32Array> {
  const weights = new Map<string, Float32Array>();
  readParameters(dir, specs, { onParameter: (spec, values) => weights.set(spec.name, values), onWarning });
  return weights;
}

/** Reads config and tokenizer files, without the weights. @throws ConfigError if a file is missing or invalid */
export function readCheckpointFiles(
  dir: string,
  onWarning?: OnWarning,
): Pick<Checkpoint, 'config' | 'tokenizer'> {
  requireModel(dir);
  const checkpoint = { config: readDecoderConfig(dir, onWarning), tokenizer: readTokenizerFiles(dir) };
  const { algorithm } = textEncoder(checkpoint.tokenizer, dir); // refuses tokenizers before weights are read
  const { architecture, vocabSize } = checkpoint.config;
  const warning = segmentationWarning({ architecture, algorithm, vocabSize }, join(dir, 'tokenizer.json'));
  if (warning !== undefined) onWarning?.(warning);
  return checkpoint;
}

/**
 * Reads the weights of a folder one parameter at a time.
 *
 * @param options.onParameter - called with each parameter's values, which it then owns, and their dtype on disk
 * @throws ConfigError if a tensor is missing, has another shape, or is not part of the model
 */
export function readParameters(
  dir: string,
  specs: readonly ParameterSpec[],
  {
    onParameter,
    onWarning,
  }: {
    readonly onParameter: (spec: ParameterSpec, values: Float32Array, dtype: string) => void;
    readonly onWarning?: OnWarning;
  },
): void {
  const files = openModelWeights(dir);
  try {
    const known = checkTensors(files, specs);
    const source: TensorSource = {
      shapeOf: (name) => files.tensors.get(name)?.shape,
      readInto: (name, target) => files.readInto(name, target),
    };
    for (const spec of specs) {
      const read = fromDiskTensors([spec], source, files.path);
      const [part] = spec.parts;
      const values = read.get(spec.name) as Float32Array;
      rejectNonFinite(files.path, spec, values);
      if (spec.name === 'embed_tokens' && !known.has(LM_HEAD)) warnOfOtherHead(files, values, onWarning);
      onParameter(spec, values, files.tensors.get(part?.name ?? '')?.dtype ?? '');
    }
  } finally {
    files.close();
  }
}

/**
 * Checks the names and shapes of a model's tensors. Only the headers of its files are read.
 *
 * @param dir - folder of a whole model, or a GGUF file
 * @throws ConfigError if weights are missing, or belong to another model than the configuration
 */
export function checkWeightFiles(dir: string, onWarning?: OnWarning): void {
  const config = readDecoderConfig(dir, onWarning);
  const files = openModelWeights(dir);
  try {
    checkTensors(files, parameterSpecs(config));
  } finally {
    files.close();
  }
}

/** Returns the names of the model's tensors. @throws ConfigError if the files have others, or other shapes */
function checkTensors(files: WeightFiles, specs: readonly ParameterSpec[]): ReadonlySet<string> {
  const known = new Set(specs.flatMap(({ parts }) => parts.map(({ name }) => name)));
  // some checkpoints contain tied output weights and rotary frequencies, which are redundant
  const isRedundant = (name: string): boolean => name === LM_HEAD || name.endsWith('.rotary_emb.inv_freq');
  requireHead(files, known);
  rejectUnknownTensors(files, (name) => isRedundant(name) || known.has(name));
  checkDiskTensors(specs, { shapeOf: (name) => files.tensors.get(name)?.shape }, files.path);
  return known;
}

/**
 * Warns if a model with tied embeddings has output weights of its own, as some programs save them. Transformers 4
 * replaces them by the embedding, and Transformers 5 does not tie then.
 */
function warnOfOtherHead(files: WeightFiles, embedding: Float32Array, onWarning: OnWarning): void {
  const shape = files.tensors.get(LM_HEAD)?.shape;
  if (shape === undefined || onWarning === undefined) return;
  const head = new Float32Array(shape.reduce((product, size) => product * size, 1));
  files.readInto(LM_HEAD, head);
  if (head.length === embedding.length && head.every((value, i) => Object.is(value, embedding[i]))) return;
  onWarning(
    `${files.path}: ${LM_HEAD} differs from the embedding, to which config.json ties it, and is ignored; set tie_word_embeddings to false in config.json to use it`,
  );
}

function requireHead({ path, tensors }: WeightFiles, known: ReadonlySet<string>): void {
  if (!known.has(LM_HEAD) || tensors.has(LM_HEAD)) return;
  throw new ConfigError(
    `${path}: tensor "${LM_HEAD}" is missing, and config.json does not tie it to the embedding; set tie_word_embeddings to true if the model ties them`,
  );
}

/** Rejects weights that make every log-probability NaN. */
function rejectNonFinite(path: string, { parts }: ParameterSpec, values: Float32Array): void {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) * 0; // NaN if any value is not finite
  if (sum === 0) return;
  const names = parts.map(({ name }) => `"${name}"`).join(' or ');
  throw new ConfigError(
    `${path}: tensor ${names} has a value that is NaN or infinite; the training that wrote it diverged, or the file is damaged`,
  );
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
export function readDecoderConfig(dir: string, onWarning?: OnWarning): DecoderConfig {
  const path = isGgufModel(dir) ? dir : join(dir, CONFIG);
  return parseDecoderConfig(parseJsonObject(readConfigText(dir), path), path, onWarning);
}
