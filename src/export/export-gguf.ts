/**
 * Exports one agent as a GGUF file for llama.cpp, Ollama and LM Studio: a complete model, or a LoRA adapter.
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { copiedTokenizer } from '../gguf/copy-tokenizer.ts';
import { architectureMetadata, writtenArchitecture } from '../gguf/write-architecture.ts';
import { type TypedValue, writeGguf } from '../gguf/write-container.ts';
import { withEndTokens } from '../gguf/write-end-tokens.ts';
import { adapterTensors, modelTensors, type SourceTensor } from '../gguf/write-tensors.ts';
import { tokenizerMetadata } from '../gguf/write-tokenizer.ts';
import { FILE_TYPES, type WrittenType } from '../gguf/write-values.ts';
import type { DecoderShape } from '../support/decoder-shape.ts';
import { ConfigError } from '../support/errors.ts';
import { readModelFileText } from '../support/read-model-file.ts';
import { openSafetensors } from '../support/safetensors-reader.ts';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, exportedWeights } from './merged-weights.ts';

/** A model as the engine understands its files. */
export interface DescribedModel {
  readonly decoder: DecoderShape & { readonly beginToken?: number; readonly padToken?: number };
  /** Ids of the tokens that end a message; if a file has no room for all of them, the first ones are kept. */
  readonly endTokens: readonly number[];
  /** Whether a text begins with the begin token: a rendered chat, or any text of a model without a chat template. */
  readonly addsBegin: boolean;
  /** Text of the default chat template. */
  readonly chatTemplate?: string | undefined;
}

/** General facts about the model, for the file's metadata. */
export interface GgufFacts {
  readonly name: string;
  readonly base?: string | undefined;
  /** Page of the base model. */
  readonly baseUrl?: string | undefined;
  /** Identifier of the base's licence. */
  readonly license?: string | undefined;
}

export interface GgufModel extends GgufFacts {
  /** Folder with the complete weights and the tokenizer. */
  readonly whole: string;
  /** Folder of an adapter to merge. */
  readonly adapter?: string | undefined;
  /** GGUF file from which the tokenizer is copied; absent: the tokenizer of `whole` is converted. */
  readonly tokenizerFrom?: string | undefined;
  readonly described: DescribedModel;
  /** Type of the matrices. */
  readonly type: WrittenType;
}

/**
 * Writes a complete model.
 *
 * @returns ids of the end tokens for which the file has no room
 * @throws ConfigError if llama.cpp has no such model or tokenizer
 * @throws StoreError if the file cannot be written
 */
export function writeGgufModel(path: string, model: GgufModel): readonly number[] {
  const { whole, adapter, described, type, tokenizerFrom } = model;
  const { decoder } = described;
  const architecture = writtenArchitecture(decoder, whole);
  const tokenizer =
    tokenizerFrom === undefined
      ? convertedTokenizer(whole, described)
      : copiedTokenizer(tokenizerFrom, described.chatTemplate);
  const weights = exportedWeights(whole, adapter);
  try {
    const tensors = modelTensors(weights.tensors, type, { decoder, architecture, where: whole });
    const all = new Map<string, TypedValue>([
      ...generalMetadata(architecture.name, 'model', model),
      ...(type === 'Q8_0' ? [uint32('general.quantization_version', 2)] : []),
      uint32('general.file_type', FILE_TYPES[type]),
      ...architectureMetadata(decoder, architecture.name),
      ...tokenizer,
    ]);
    const { metadata, dropped } = withEndTokens(all, described.endTokens);
    writeGguf(path, metadata, tensors);
    return dropped;
  } finally {
    weights.close();
  }
}

/**
 * Writes a LoRA adapter, in float32.
 *
 * @param from - folder of the adapter
 * @throws ConfigError if llama.cpp has no such model or adapter
 * @throws StoreError if the file cannot be written
 */
export function writeGgufAdapter(
  path: string,
  from: string,
  { decoder, ...facts }: GgufFacts & { readonly decoder: DecoderShape },
): void {
  const architecture = writtenArchitecture(decoder, from);
  const file = openSafetensors(join(from, ADAPTER_WEIGHTS));
  try {
    const sources = [...file.tensors].map(([name, { shape }]): SourceTensor => {
      // never undefined: the name comes from this file's header
      return { name, shape, values: () => file.read(name)?.values as Float32Array };
    });
    const tensors = adapterTensors(sources, { decoder, architecture, where: from });
    const metadata = new Map<string, TypedValue>([
      ...generalMetadata(architecture.name, 'adapter', facts),
      ['adapter.type', { type: 'string', value: 'lora' }],
      ['adapter.lora.alpha', { type: 'float32', value: ggufAlpha(from) }],
      uint32('general.file_type', FILE_TYPES.F32),
    ]);
    writeGguf(path, metadata, tensors);
  } finally {
    file.close();
  }
}

/** Returns the alpha with which llama.cpp, which scales by alpha / r, has the scale of the adapter. */
function ggufAlpha(from: string): number {
  const path = join(from, ADAPTER_CONFIG);
  const { r, lora_alpha: alpha, use_rslora } = JSON.parse(readModelFileText(path)) as Record<string, unknown>;
  if (typeof r !== 'number' || typeof alpha !== 'number')
    throw new ConfigError(`${path}: expected numbers r and lora_alpha, got ${r} and ${alpha}`);
  return use_rslora === true ? alpha * Math.sqrt(r) : alpha;
}

function generalMetadata(
  architecture: string,
  type: 'model' | 'adapter',
  { name, base, baseUrl, license }: GgufFacts,
): [string, TypedValue][] {
  const string = (key: string, value: string | undefined): [string, TypedValue][] =>
    value === undefined ? [] : [[`general.${key}`, { type: 'string', value }]];
  return [
    ...string('architecture', architecture),
    ...string('type', type),
    ...string('name', name),
    ...string('license', license),
    ...(base === undefined ? [] : [uint32('general.base_model.count', 1)]),
    ...string('base_model.0.name', base),
    ...string('base_model.0.repo_url', baseUrl),
  ];
}

function uint32(key: string, value: number): [string, TypedValue] {
  return [key, { type: 'uint32', value }];
}

function convertedTokenizer(
  dir: string,
  { decoder, endTokens, addsBegin, chatTemplate }: DescribedModel,
): [string, TypedValue][] {
  const where = join(dir, 'tokenizer.json');
  if (!existsSync(where))
    throw new ConfigError(`${where}: the file is missing; a model folder needs its tokenizer`);
  return tokenizerMetadata({
    json: JSON.parse(readModelFileText(where)) as Readonly<Record<string, unknown>>,
    vocabSize: decoder.vocabSize,
    begin: decoder.beginToken,
    end: endTokens,
    padding: decoder.padToken,
    addsBegin,
    chatTemplate,
    where,
  });
}
