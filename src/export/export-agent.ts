/**
 * Exports one agent as a Hugging Face folder that Transformers, vLLM and llama.cpp can load. Weights are streamed from
 * the checkpoint, converted to the requested element type and split into shards.
 * @module
 */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { madeTokenizerFiles, readConfigText } from '../gguf/model-files.ts';
import { isGgufModel } from '../gguf/model-path.ts';
import { writeFileAtomic } from '../support/atomic-file.ts';
import { ConfigError } from '../support/errors.ts';
import type { FloatDtype } from '../support/float16.ts';
import { streamSafetensors, type TensorToWrite, tensorBytes } from '../support/safetensors.ts';
import { INDEX_FILE, WEIGHTS_FILE } from '../support/weight-files.ts';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, exportedWeights } from './merged-weights.ts';

export interface ExportAgentOptions {
  /** Element type of the weights. */
  readonly dtype: FloatDtype;
  /** Maximum size of a weight file, bytes. */
  readonly maxShardBytes: number;
  /** Folder or GGUF file of the base model to merge an adapter into; absent: adapters are not merged. */
  readonly mergeInto?: string;
  /** Files of the chat template that replace those of the model, by name. */
  readonly chatFiles?: ReadonlyMap<string, Uint8Array>;
}

/** Names of the types in PyTorch. */
const TORCH_DTYPES: Readonly<Record<FloatDtype, string>> = {
  F32: 'float32',
  BF16: 'bfloat16',
  F16: 'float16',
};

/** Files of the tokenizer, the chat template and the generation settings; they are copied unchanged. */
const COPIED = [
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
  'chat_template.json',
  'special_tokens_map.json',
  'generation_config.json',
];

/** Whether a folder contains an adapter instead of a complete model. */
export function isAdapterFolder(dir: string): boolean {
  return existsSync(join(dir, ADAPTER_CONFIG));
}

/**
 * Exports the model of one agent.
 *
 * @param from - model folder of a checkpoint
 * @param to - folder to create
 * @returns names of the weight files
 * @throws ConfigError if `from` does not contain a complete model
 * @throws StoreError if a file cannot be written
 */
export function exportAgent(from: string, to: string, options: ExportAgentOptions): string[] {
  mkdirSync(to, { recursive: true });
  const isAdapter = isAdapterFolder(from);
  const copy = (name: string, dir: string): void => {
    if (existsSync(join(dir, name)) && !existsSync(join(to, name)))
      copyFileSync(join(dir, name), join(to, name));
  };
  for (const [name, bytes] of options.chatFiles ?? []) writeFileAtomic(join(to, name), bytes);
  for (const name of COPIED) copy(name, from);
  if (isAdapter && options.mergeInto === undefined) {
    for (const name of [ADAPTER_CONFIG, ADAPTER_WEIGHTS]) copy(name, from);
    return [ADAPTER_WEIGHTS];
  }
  const whole = isAdapter ? (options.mergeInto as string) : from;
  for (const name of COPIED) copy(name, whole);
  for (const [name, bytes] of madeTokenizerFiles(whole) ?? [])
    if (!existsSync(join(to, name))) writeFileAtomic(join(to, name), bytes);
  requireTextModel(whole);
  const weights = exportedWeights(whole, isAdapter ? from : undefined);
  try {
    const files = writeWeights(to, weights.tensors, options);
    writeConfig(whole, to, options.dtype);
    return files;
  } finally {
    weights.close();
  }
}

/**
 * Rejects a model for text and images, whose config.json does not describe the weights of its text part alone.
 *
 * @throws ConfigError
 */
function requireTextModel(dir: string): void {
  if (!isGgufModel(dir) && !existsSync(join(dir, 'config.json'))) return;
  const { text_config: text } = JSON.parse(readConfigText(dir)) as { readonly text_config?: unknown };
  if (text !== undefined)
    throw new ConfigError(
      `${isGgufModel(dir) ? dir : join(dir, 'config.json')}: expected the base of a text model, got one for text and images, of which only the text part was trained; export the adapter without --merge`,
    );
}

function writeWeights(
  to: string,
  tensors: readonly TensorToWrite[],
  { dtype, maxShardBytes }: ExportAgentOptions,
): string[] {
  const shards = planShards(tensors, { dtype, maxShardBytes });
  if (shards.length === 1) {
    streamSafetensors(join(to, WEIGHTS_FILE), shards[0] as TensorToWrite[], { dtype });
    return [WEIGHTS_FILE];
  }
  const weight_map: Record<string, string> = {};
  const number = (value: number): string => String(value).padStart(5, '0');
  const names = shards.map(
    (_, index) => `model-${number(index + 1)}-of-${number(shards.length)}.safetensors`,
  );
  for (const [index, shard] of shards.entries()) {
    const name = names[index] as string;
    streamSafetensors(join(to, name), shard, { dtype });
    for (const tensor of shard) weight_map[tensor.name] = name;
  }
  const total_size = tensors.reduce((sum, { shape }) => sum + tensorBytes(shape, dtype), 0);
  const index = { metadata: { total_size }, weight_map };
  writeFileAtomic(join(to, INDEX_FILE), `${JSON.stringify(index, null, 2)}\n`);
  return names;
}

/**
 * Distributes tensors, in order, to shards of at most `maxShardBytes`. A larger tensor gets its own shard.
 */
export function planShards<T extends Pick<TensorToWrite, 'shape'>>(
  tensors: readonly T[],
  { dtype, maxShardBytes }: Pick<ExportAgentOptions, 'dtype' | 'maxShardBytes'>,
): T[][] {
  const shards: T[][] = [[]];
  let size = 0;
  for (const tensor of tensors) {
    const bytes = tensorBytes(tensor.shape, dtype);
    if (size > 0 && size + bytes > maxShardBytes) {
      shards.push([]);
      size = 0;
    }
    (shards.at(-1) as T[]).push(tensor);
    size += bytes;
  }
  return shards;
}

/**
 * Writes config.json with the exported element type. Writes `generation_config.json` if the model has none.
 */
function writeConfig(from: string, to: string, dtype: FloatDtype): void {
  const config = JSON.parse(readConfigText(from)) as Record<string, unknown>;
  // removes `dtype`, which Transformers 5 writes; `torch_dtype` below replaces it, because every version
  // reads that
  const { dtype: _, ...rest } = config;
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  const torch_dtype = TORCH_DTYPES[dtype];
  writeFileAtomic(join(to, 'config.json'), json({ ...rest, torch_dtype }));
  const generation = join(to, 'generation_config.json');
  if (!existsSync(generation) && config.eos_token_id != null)
    writeFileAtomic(generation, json({ eos_token_id: config.eos_token_id }));
}
