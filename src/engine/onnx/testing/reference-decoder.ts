/**
 * An independent reference implementation of the decoder for tests of the graphs: float64 loops over the tensors of the
 * checkpoint format, without stacking, batching, cache or ONNX Runtime.
 * @see Transformers, `modeling_qwen3.py`, for the order of operations
 * @module
 */
import type { DecoderConfig } from '../decoder/config.ts';
import { type NamedTensor, parameterSpecs, toDiskTensors, type Weights } from '../decoder/parameters.ts';

type Vector = readonly number[];
type Tensors = ReadonlyMap<string, NamedTensor>;

/**
 * Computes log softmax(z / temperature) of the next token after each position.
 *
 * @param tokens - a sequence [T]
 * @returns [T][V], nats
 */
export function expectedLogp(
  config: DecoderConfig,
  weights: Weights,
  { tokens, temperature = 1 }: { readonly tokens: ArrayLike<number>; readonly temperature?: number },
): number[][] {
  const tensors: Tensors = new Map(
    toDiskTensors(parameterSpecs(config), weights).map((tensor) => [tensor.name, tensor]),
  );
  const table = matrix(tensors, 'model.embed_tokens.weight');
  let states: Vector[] = Array.from(tokens, (token) => table[token] as Vector);
  for (let l = 0; l < config.layers; l++) states = layer(config, tensors, { states, l });
  const head = config.tiedEmbeddings ? table : matrix(tensors, 'lm_head.weight');
  return states.map((x) => {
    const normed = rmsNorm(x, vector(tensors, 'model.norm.weight'), config.normEpsilon);
    return logSoftmax(times(head, normed).map((z) => z / temperature));
  });
}

/** Computes one layer at every position: x + attention(norm(x)), then x + mlp(norm(x)). */
function layer(
  config: DecoderConfig,
  tensors: Tensors,
  { states, l }: { readonly states: readonly Vector[]; readonly l: number },
): Vector[] {
  const at = (name: string): string => `model.layers.${l}.${name}.weight`;
  const { normEpsilon } = config;
  const attended = attention(config, tensors, {
    states: states.map((x) => rmsNorm(x, vector(tensors, at('input_layernorm')), normEpsilon)),
    l,
  });
  const [gate, up, down] = ['gate', 'up', 'down'].map((name) => matrix(tensors, at(`mlp.${name}_proj`))) as [
    Vector[],
    Vector[],
    Vector[],
  ];
  return states.map((before, t) => {
    const x = plus(before, attended[t] as Vector);
    const normed = rmsNorm(x, vector(tensors, at('post_attention_layernorm')), normEpsilon);
    const raised = times(up, normed);
    const gated = times(gate, normed).map((z, i) => (z / (1 + Math.exp(-z))) * (raised[i] as number));
    return plus(x, times(down, gated));
  });
}

function attention(
  config: DecoderConfig,
  tensors: Tensors,
  { states, l }: { readonly states: readonly Vector[]; readonly l: number },
): Vector[] {
  const { heads, kvHeads, headDim, normEpsilon, ropeTheta } = config;
  const at = (name: string): string => `model.layers.${l}.self_attn.${name}.weight`;
  /** Computes a projection of every position, split into heads [T][heads][d]. */
  const project = (name: string): Vector[][] => {
    const weight = matrix(tensors, at(name));
    return states.map((x) => chunks(times(weight, x), headDim));
  };
  const rotated = (name: string): Vector[][] =>
    project(`${name}_proj`).map((perHead, position) =>
      perHead.map((x) =>
        rotate(rmsNorm(x, vector(tensors, at(`${name}_norm`)), normEpsilon), { position, theta: ropeTheta }),
      ),
    );
  const [q, k, v, out] = [rotated('q'), rotated('k'), project('v_proj'), matrix(tensors, at('o_proj'))];
  return states.map((_, t) => {
    const mixed = Array.from({ length: heads }, (_unused, h) => {
      const shared = Math.floor(h / (heads / kvHeads)); // index of the key head of query head h
      const scores = logSoftmax(
        k.slice(0, t + 1).map((key) => dot(q[t]?.[h] as Vector, key[shared] as Vector) / Math.sqrt(headDim)),
      );
      return Array.from({ length: headDim }, (_none, i) =>
        scores.reduce((sum, logp, s) => sum + Math.exp(logp) * (v[s]?.[shared]?.[i] as number), 0),
      );
    });
    return times(out, mixed.flat());
  });
}

/** Rotates the pairs (x_j, x_{j + d/2}) by position * theta^(-2j/d). */
function rotate(x: Vector, at: { readonly position: number; readonly theta: number }): Vector {
  const half = x.length / 2;
  return x.map((value, i) => {
    const angle = at.position / at.theta ** ((2 * (i % half)) / x.length);
    const other = i < half ? -(x[i + half] as number) : (x[i - half] as number);
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

function rmsNorm(x: Vector, weight: Vector, epsilon: number): Vector {
  const scale = 1 / Math.sqrt(dot(x, x) / x.length + epsilon);
  return x.map((value, i) => value * scale * (weight[i] as number));
}

function logSoftmax(z: Vector): number[] {
  const max = Math.max(...z);
  const total = Math.log(z.reduce((sum, value) => sum + Math.exp(value - max), 0));
  return z.map((value) => value - max - total);
}

function matrix(tensors: Tensors, name: string): Vector[] {
  const { shape, values } = tensors.get(name) as NamedTensor;
  return chunks([...values], shape[1] as number);
}

function vector(tensors: Tensors, name: string): Vector {
  return [...(tensors.get(name) as NamedTensor).values];
}

function chunks(values: Vector, size: number): Vector[] {
  return Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size));
}

function times(rows: readonly Vector[], x: Vector): Vector {
  return rows.map((row) => dot(row, x));
}

function dot(a: Vector, b: Vector): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
}

function plus(a: Vector, b: Vector): Vector {
  return a.map((value, i) => value + (b[i] as number));
}
