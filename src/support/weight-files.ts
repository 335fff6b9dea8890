/**
 * The weights of a Hugging Face folder, whether they are one file or many: `model.safetensors`, or shards
 * that `model.safetensors.index.json` lists. Only headers are read until a tensor is asked for.
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from './errors.ts';
import {
  type FloatTensor,
  openSafetensors,
  type SafetensorsReader,
  type TensorInfo,
} from './safetensors-reader.ts';

/** File of weights that fit one. */
export const WEIGHTS_FILE = 'model.safetensors';
/** Says which shard holds which tensor. */
export const INDEX_FILE = 'model.safetensors.index.json';

/** What PyTorch writes without safetensors. */
const PICKLE = /\.(bin|pt|pth|pkl|ckpt)$/;

export interface WeightFiles {
  /** What messages call it: the file, or the index. */
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** A tensor as float32, undefined if there is none of that name. */
  read(name: string): FloatTensor | undefined;
  /** Reads a tensor into memory that is there already, widened to float32. */
  readInto(name: string, target: Float32Array): void;
  /** Bytes of a tensor as they are on disk. */
  readBytes(name: string): Uint8Array<ArrayBuffer>;
  close(): void;
}

/**
 * Opens the weights of a folder; whoever opens them closes them.
 *
 * @throws ConfigError if they are missing, not safetensors, or shards and index disagree
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
  const homes = new Map<string, SafetensorsReader>();
  const tensors = new Map<string, TensorInfo>();
  for (const file of files)
    for (const [name, info] of file.tensors) {
      const other = homes.get(name);
      if (other !== undefined)
        throw new ConfigError(
          `${path}: tensor "${name}" is in ${other.path} and in ${file.path}; remove one of them`,
        );
      homes.set(name, file);
      tensors.set(name, info);
    }
  const home = (name: string): SafetensorsReader => {
    const file = homes.get(name);
    if (file === undefined) throw new RangeError(`${path}: expected a tensor "${name}", got none`);
    return file;
  };
  return {
    path,
    tensors,
    read: (name) => homes.get(name)?.read(name),
    readInto: (name, target) => home(name).readInto(name, target),
    readBytes: (name) => home(name).readBytes(name),
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

/** @returns names of the tensors of each shard */
function readIndex(path: string): Map<string, string[]> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ConfigError(`${path}: expected JSON; the file is damaged, fetch it again`, { cause });
  }
  const map = (parsed as { readonly weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw new ConfigError(`${path}: expected a "weight_map" from tensors to files, got none`);
  const shards = new Map<string, string[]>();
  for (const [name, file] of Object.entries(map)) {
    // a plain name, so that an index cannot make us read what lies outside its folder
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
      `${path}: the file is missing; ${INDEX_FILE} says it holds ${names.length} tensors, fetch it again`,
    );
  const reader = openSafetensors(path);
  const absent = names.find((name) => !reader.tensors.has(name));
  if (absent === undefined) return reader;
  reader.close();
  throw new ConfigError(
    `${index}: tensor "${absent}" is not in ${file}, where the index says it is; fetch both again`,
  );
}
