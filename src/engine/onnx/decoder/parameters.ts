/**
 * The weights of a decoder as the engine holds them: projections that read the same input are stacked
 * into one matrix (one larger matmul instead of two or three), and taken apart again on disk.
 * @module
 */
import type { RandomStream } from '../../../core/rng.ts';
import { ConfigError } from '../../../support/errors.ts';
import type { DecoderConfig } from './config.ts';

/** One matrix or vector of the engine. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  /** Names on disk with their row counts, in stacking order. */
  readonly parts: readonly { readonly name: string; readonly rows: number }[];
  /** Vectors (norm weights) get no weight decay. */
  readonly decay: boolean;
}

export interface LayerNames {
  readonly inputNorm: string;
  readonly qkv: string;
  readonly qNorm: string;
  readonly kNorm: string;
  readonly o: string;
  readonly postNorm: string;
  readonly gateUp: string;
  readonly down: string;
}

export function layerNames(layer: number): LayerNames {
  const p = `layers.${layer}.`;
  return {
    inputNorm: `${p}input_norm`,
    qkv: `${p}qkv`,
    qNorm: `${p}q_norm`,
    kNorm: `${p}k_norm`,
    o: `${p}o`,
    postNorm: `${p}post_norm`,
    gateUp: `${p}gate_up`,
    down: `${p}down`,
  };
}

/** Every parameter in a fixed order; the order of gradients and optimiser state too. */
export function parameterSpecs(config: DecoderConfig): readonly ParameterSpec[] {
  const { hiddenSize: D, intermediateSize: F, headDim, heads, kvHeads, vocabSize: V } = config;
  const specs: ParameterSpec[] = [matrix('embed_tokens', [V, D], [['model.embed_tokens.weight', V]])];
  for (let l = 0; l < config.layers; l++) {
    const names = layerNames(l);
    const disk = `model.layers.${l}.`;
    specs.push(
      vector(names.inputNorm, D, `${disk}input_layernorm.weight`),
      matrix(
        names.qkv,
        [(heads + 2 * kvHeads) * headDim, D],
        [
          [`${disk}self_attn.q_proj.weight`, heads * headDim],
          [`${disk}self_attn.k_proj.weight`, kvHeads * headDim],
          [`${disk}self_attn.v_proj.weight`, kvHeads * headDim],
        ],
      ),
      vector(names.qNorm, headDim, `${disk}self_attn.q_norm.weight`),
      vector(names.kNorm, headDim, `${disk}self_attn.k_norm.weight`),
      matrix(names.o, [D, heads * headDim], [[`${disk}self_attn.o_proj.weight`, D]]),
      vector(names.postNorm, D, `${disk}post_attention_layernorm.weight`),
      matrix(
        names.gateUp,
        [2 * F, D],
        [
          [`${disk}mlp.gate_proj.weight`, F],
          [`${disk}mlp.up_proj.weight`, F],
        ],
      ),
      matrix(names.down, [D, F], [[`${disk}mlp.down_proj.weight`, D]]),
    );
  }
  specs.push(vector('norm', D, 'model.norm.weight'));
  if (!config.tiedEmbeddings) specs.push(matrix('lm_head', [V, D], [['lm_head.weight', V]]));
  return specs;
}

function matrix(
  name: string,
  shape: readonly [number, number],
  parts: readonly (readonly [string, number])[],
): ParameterSpec {
  return { name, shape, parts: parts.map(([part, rows]) => ({ name: part, rows })), decay: true };
}

function vector(name: string, length: number, disk: string): ParameterSpec {
  return { name, shape: [length], parts: [{ name: disk, rows: length }], decay: false };
}

export function parameterSize(spec: ParameterSpec): number {
  return spec.shape.reduce((product, size) => product * size, 1);
}

/** Weights by parameter name, float32, row-major. */
export type Weights = ReadonlyMap<string, Float32Array>;

/**
 * Fresh weights: normal with deviation 0.02 (1/sqrt(2 layers) of it where a layer writes into the
 * residual stream), norms 1. Each parameter draws from a stream of its own.
 */
export function initialWeights(config: DecoderConfig, stream: RandomStream): Weights {
  const weights = new Map<string, Float32Array>();
  parameterSpecs(config).forEach((spec, index) => {
    const values = new Float32Array(parameterSize(spec));
    if (spec.shape.length === 1) values.fill(1);
    else {
      const writesResidual = spec.name.endsWith('.o') || spec.name.endsWith('.down');
      const deviation = initialDeviation(config) * (writesResidual ? 1 / Math.sqrt(2 * config.layers) : 1);
      const draws = stream.child(index);
      for (let i = 0; i < values.length; i++) values[i] = deviation * draws.normal();
    }
    weights.set(spec.name, values);
  });
  return weights;
}

/** Narrow models need larger weights for the same signal: 0.02 suits D of about 2,500. */
function initialDeviation(config: DecoderConfig): number {
  return Math.max(0.02, Math.min(0.08, 1 / Math.sqrt(config.hiddenSize)));
}

/** A tensor on disk: name, shape and float32 values. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Takes stacked parameters apart into the tensors of the checkpoint format. */
export function toDiskTensors(specs: readonly ParameterSpec[], weights: Weights): NamedTensor[] {
  return specs.flatMap((spec) => {
    const values = weights.get(spec.name) as Float32Array;
    const rowSize = spec.shape.length === 1 ? 1 : (spec.shape[1] as number);
    let row = 0;
    return spec.parts.map((part) => {
      const slice = values.subarray(row * rowSize, (row + part.rows) * rowSize);
      row += part.rows;
      return {
        name: part.name,
        shape: spec.shape.length === 1 ? [part.rows] : [part.rows, rowSize],
        values: slice,
      };
    });
  });
}

/**
 * Stacks the tensors of a checkpoint into parameters.
 *
 * @throws ConfigError if a tensor is missing or has another shape than the config says
 */
export function fromDiskTensors(
  specs: readonly ParameterSpec[],
  read: (name: string) => { readonly shape: readonly number[]; readonly values: Float32Array } | undefined,
  where: string,
): Map<string, Float32Array> {
  const weights = new Map<string, Float32Array>();
  for (const spec of specs) {
    const rowSize = spec.shape.length === 1 ? 1 : (spec.shape[1] as number);
    const values = new Float32Array(parameterSize(spec));
    let row = 0;
    for (const part of spec.parts) {
      const tensor = read(part.name);
      const expected = spec.shape.length === 1 ? [part.rows] : [part.rows, rowSize];
      if (!tensor)
        throw new ConfigError(
          `${where}: tensor "${part.name}" is missing; config.json asks for it, the two belong to different models`,
        );
      if (tensor.shape.join() !== expected.join())
        throw new ConfigError(
          `${where}: tensor "${part.name}" has shape [${tensor.shape}], config.json asks for [${expected}]; the two belong to different models`,
        );
      values.set(tensor.values, row * rowSize);
      row += part.rows;
    }
    weights.set(spec.name, values);
  }
  return weights;
}
