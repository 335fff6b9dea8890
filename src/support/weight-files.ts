/**
 * Reads the weights of a model folder in the format of Hugging Face: `model.safetensors`, or shards with the
 * index `model.safetensors.index.json`. Opening reads only the headers; tensors are read on request.
 * @module
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from './errors.ts';
import { readModelFileText } from './read-model-file.ts';
import {
  type FloatTensor,
  openSafetensors,
  type SafetensorsReader,
  type TensorInfo,
} from './safetensors-reader.ts';
import { decoderNames } from './tensor-names.ts';

/** Name of the weights file of a model without shards. */
export const WEIGHTS_FILE = 'model.safetensors';
/** Name of the index, which maps tensor names to shards. */
export const INDEX_FILE = 'model.safetensors.index.json';

/** Matches file names of PyTorch checkpoints that are not safetensors. */
const PICKLE = /\.(bin|pt|pth|pkl|ckpt)$/;

export interface WeightFiles {
  /** Path of the weights file, or of the index, for messages. */
  readonly path: string;
  /** Tensors by the names that Transformers gives them; see `tensor-names.ts`. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Reads a tensor and converts it to float32; undefined if no file contains it. */
  read(name: string): FloatTensor | undefined;
  /** Reads a tensor into existing memory and converts it to float32. */
  readInto(name: string, target: Float32Array): void;
  /** Reads the bytes of a tensor without conversion. */
  readBytes(name: string): Uint8Array<ArrayBuffer>;
  close(): void;
}

/**
 * Opens the weights of a model folder; the caller closes them.
 *
 * @throws ConfigError if they are missing or not safetensors, or if shards and index disagree
 */
export function openWeightFiles(dir: string): WeightFiles {
  const single = join(dir, WEIGHTS_FILE);
  if (existsSync(single)) return weightFiles(single, [openSafetensors(single)]);
  const index = join(dir, INDEX_FILE);
  if (!existsSync(index)) throw withoutWeights(dir, single);
  const shards = readIndex(index);
  const files: SafetensorsReader[] = [];
  try {
    for (const [file, names] of shards) files.push(openShard(dir, { file, names, index }));
    return weightFiles(index, files);
  } catch (error) {
    for (const file of files) file.close();
    throw error;
  }
}

function weightFiles(path: string, files: readonly SafetensorsReader[]): WeightFiles {
  const fileByTensor = new Map<string, SafetensorsReader>();
  for (const file of files)
    for (const name of file.tensors.keys()) {
      const other = fileByTensor.get(name);
      if (other !== undefined)
        throw new ConfigError(
          `${path}: tensor "${name}" is in ${other.path} and in ${file.path}; remove one of them`,
        );
      fileByTensor.set(name, file);
    }
  const stored = decoderNames([...fileByTensor.keys()], path);
  const tensors = new Map<string, TensorInfo>();
  for (const [name, original] of stored)
    tensors.set(name, fileByTensor.get(original)?.tensors.get(original) as TensorInfo);
  const locate = (name: string): { readonly file: SafetensorsReader; readonly original: string } => {
    const original = stored.get(name);
    const file = original === undefined ? undefined : fileByTensor.get(original);
    if (original === undefined || file === undefined)
      throw new RangeError(`${path}: expected a tensor "${name}", got none`);
    return { file, original };
  };
  return {
    path,
    tensors,
    read(name) {
      if (!stored.has(name)) return undefined;
      const { file, original } = locate(name);
      return file.read(original);
    },
    readInto(name, target) {
      const { file, original } = locate(name);
      file.readInto(original, target);
    },
    readBytes(name) {
      const { file, original } = locate(name);
      return file.readBytes(original);
    },
    close: () => {
      for (const file of files) file.close();
    },
  };
}

function withoutWeights(dir: string, expected: string): ConfigError {
  const pickle = existsSync(dir) ? readdirSync(dir).find((name) => PICKLE.test(name)) : undefined;
  if (pickle === undefined)
    return new ConfigError(`${expected}: the file is missing; a model folder needs its weights`);
  return new ConfigError(
    `${join(dir, pickle)}: expected weights in ${WEIGHTS_FILE}, got a pickle, which is never read because reading one can run code; convert the weights to safetensors`,
    { code: 'TROUPE_PICKLE' },
  );
}

/** Reads the index. Returns the names of each shard's tensors by file name. */
function readIndex(path: string): Map<string, string[]> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readModelFileText(path));
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(`${path}: expected JSON; the file is damaged, fetch it again`, { cause });
  }
  const map = (parsed as { readonly weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw new ConfigError(`${path}: expected a "weight_map" from tensors to files, got none`);
  const shards = new Map<string, string[]>();
  for (const [name, file] of Object.entries(map)) {
    // only plain file names are accepted, so that an index cannot refer to files outside of its folder
    if (typeof file !== 'string' || !/^[^/\\:]+\.safetensors$/.test(file))
      throw new ConfigError(
        `${path}: tensor "${name}": expected the name of a .safetensors file in the same folder, got ${JSON.stringify(file)}`,
        { code: 'TROUPE_INDEX_PATH' },
      );
    const names = shards.get(file);
    if (names) names.push(name);
    else shards.set(file, [name]);
  }
  return shards;
}

function openShard(
  dir: string,
  {
    file,
    names,
    index,
  }: { readonly file: string; readonly names: readonly string[]; readonly index: string },
): SafetensorsReader {
  const path = join(dir, file);
  if (!existsSync(path))
    throw new ConfigError(
      `${path}: the file is missing; ${INDEX_FILE} lists ${names.length} tensors in it; download it again`,
    );
  const reader = openSafetensors(path);
  const absent = names.find((name) => !reader.tensors.has(name));
  if (absent === undefined) return reader;
  reader.close();
  throw new ConfigError(
    `${index}: tensor "${absent}" is not in ${file}, where the index lists it; download both again`,
  );
}
