/**
 * Computes the sizes of models from file headers and configurations, without reading weights.
 * @module
 */
import { join, resolve } from 'node:path';
import type { Config } from '../../config/schema.ts';
import type { DecoderConfig } from '../../engine/onnx/decoder/config.ts';
import { parameterSpecs, projections } from '../../engine/onnx/decoder/parameters.ts';
import {
  activationBytesPerToken,
  attentionPairCost,
  chooseExecution,
  layeredTokenBudget,
  sharedRowTokens,
} from '../../engine/onnx/execution.ts';
import { adapterBaseFolder, readAdapterConfig } from '../../engine/onnx/lora/adapter-folder.ts';
import { automaticStorage } from '../../engine/onnx/lora/frozen-base.ts';
import { readDecoderConfig } from '../../engine/onnx/weights/checkpoint.ts';
import { isAdapterFolder } from '../../export/export-agent.ts';
import { ADAPTER_WEIGHTS } from '../../export/merged-weights.ts';
import { openModelWeights } from '../../gguf/model-files.ts';
import type { GpuModel } from '../../plan/gpu.ts';
import type { ModelSize, PassSize } from '../../plan/memory.ts';
import { openSafetensors } from '../../support/safetensors-reader.ts';
import { embeddedOptions } from './engine.ts';

/**
 * Computes the sizes of a model from its config.json, and the number of parameters that training with a team
 * file updates.
 *
 * @throws ConfigError if config.json is missing or its model family is unknown
 */
export function modelShape(dir: string, config: Config): GpuModel {
  const decoder = readDecoderConfig(dir);
  const { layers, heads, kvHeads, headDim } = decoder;
  const parameters = parameterSpecs(decoder).reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
  const { lora } = embeddedOptions(config);
  const perLayer = Object.values(projections(decoder)).flatMap(({ in: columns, parts }) =>
    parts
      .filter(({ target }) => lora?.targetModules === 'all-linear' || lora?.targetModules?.includes(target))
      .map(({ rows }) => (lora?.r ?? 0) * (columns + rows)),
  );
  return {
    parameters,
    trainedParameters: lora ? layers * perLayer.reduce((sum, size) => sum + size, 0) : parameters,
    attention: layers * heads * headDim,
    cacheBytesPerToken: 4 * layers * kvHeads * headDim,
  };
}

/**
 * Computes the sizes of a model on disk from its configuration and the headers of its weights.
 *
 * @throws ConfigError if a file is missing or its model family is unknown
 */
export function modelSize(dir: string, config: Config): ModelSize {
  const whole = wholeModelFolder(dir);
  const files = openModelWeights(whole);
  const parameters = countParameters(files.tensors);
  const [first] = files.tensors.values();
  files.close();
  const adapter = adapterParameters(dir, config);
  const bytes = frozenBytes(config, parameters, first?.dtype ?? '');
  const decoder = readDecoderConfig(whole);
  return {
    parameters,
    trainedParameters: adapter ?? parameters,
    attention: decoder.layers * decoder.heads * decoder.headDim,
    ...(adapter === undefined ? {} : { frozen: { folder: resolve(whole), bytes } }),
    ...(config.engine.kind === 'onnx' && { passes: passSize(decoder, config, adapter !== undefined) }),
  };
}

/** Bytes of a number in the passes of the embedded engine. */
const FLOAT32 = 4;

/**
 * Memory for the weights of a complete model in the engine of this process, bytes. All types on disk
 * are loaded as float32.
 *
 * @param model - folder or GGUF file
 * @throws ConfigError if the weights are missing or damaged
 */
export function loadedBytes(model: string): number {
  const files = openModelWeights(model);
  files.close();
  return FLOAT32 * countParameters(files.tensors);
}

function passSize(decoder: DecoderConfig, { engine }: Config, isAdapted: boolean): PassSize {
  const { layers, heads, kvHeads, headDim } = decoder;
  const activationBytes = engine.activation_mib * 2 ** 20;
  const isLayered = isAdapted || chooseExecution(decoder) === 'layers';
  const budget = isLayered ? layeredTokenBudget(decoder, activationBytes) : Number.POSITIVE_INFINITY;
  return {
    cacheBytesPerToken: 2 * FLOAT32 * layers * kvHeads * headDim,
    microBatchTokens: Math.min(engine.token_budget, budget),
    activationBytesPerToken: activationBytesPerToken(decoder),
    pairBytes: FLOAT32 * layers * heads,
    ...(isLayered && {
      pairCost: attentionPairCost(decoder),
      sharedRowTokens: sharedRowTokens(decoder, activationBytes),
    }),
    activationBytes: isLayered ? activationBytes : Number.POSITIVE_INFINITY,
  };
}

/**
 * Returns the folder with the complete weights of a model. For an adapter, this is the folder of its base
 * model.
 *
 * @throws ConfigError if the base model is missing
 */
export function wholeModelFolder(dir: string): string {
  return isAdapterFolder(dir) ? adapterBaseFolder(dir, readAdapterConfig(dir).base) : dir;
}

/**
 * Memory that a frozen base model of adapters needs in the engine of this process, bytes.
 *
 * @param dtype - element type of the weights on disk
 */
function frozenBytes({ engine }: Config, parameters: number, dtype: string): number {
  const storage = engine.base_dtype === 'auto' ? automaticStorage(4 * parameters, dtype) : engine.base_dtype;
  return parameters * (storage === 'bfloat16' ? 2 : 4);
}

/**
 * Number of parameters of the trained adapter: the adapter in the folder, or a new one of the team file's
 * rank. Undefined if all parameters are trained.
 */
function adapterParameters(dir: string, config: Config): number | undefined {
  if (!isAdapterFolder(dir))
    return config.engine.lora_rank === 0 ? undefined : modelShape(dir, config).trainedParameters;
  const file = openSafetensors(join(dir, ADAPTER_WEIGHTS));
  file.close();
  return countParameters(file.tensors);
}

function countParameters(tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>): number {
  return [...tensors.values()].reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
}
