/**
 * Estimates the rates of a GPU from its data sheet. Assumes that matrix products reach a given share of the
 * peak compute rate, and that sampling reaches a given share of the memory bandwidth. Sampling is limited by
 * bandwidth, because it reads all weights for every decoded token of a batch. `troupe plan` prints the
 * assumptions.
 * @module
 */
import type { ModelSize } from './memory.ts';
import type { MachineRates, PassCost } from './rates.ts';

export interface Gpu {
  /** Peak rate of dense bfloat16 matrix products, operations per second. */
  readonly flops: number;
  /** Memory bandwidth, bytes per second. */
  readonly bandwidth: number;
  readonly memoryBytes: number;
}

const GIB = 2 ** 30;

/** Values from the manufacturers' data sheets, by GPU name. */
export const GPUS: Readonly<Record<string, Gpu>> = {
  rtx4090: { flops: 165e12, bandwidth: 1.008e12, memoryBytes: 24 * GIB },
  l40s: { flops: 362e12, bandwidth: 0.864e12, memoryBytes: 48 * GIB },
  a100: { flops: 312e12, bandwidth: 2.039e12, memoryBytes: 80 * GIB },
  h100: { flops: 989e12, bandwidth: 3.35e12, memoryBytes: 80 * GIB },
  h200: { flops: 989e12, bandwidth: 4.8e12, memoryBytes: 141 * GIB },
};

/** Assumptions that replace measurements of a run. */
export interface GpuAssumptions {
  /** Share of the peak compute rate that training passes reach. */
  readonly computeShare: number;
  /** Share of the memory bandwidth that sampling reaches. */
  readonly bandwidthShare: number;
  /** Mean length of a prompt, tokens. */
  readonly promptTokens: number;
  /** Mean length of a message, tokens. */
  readonly messageTokens: number;
  /** Share of episodes in groups (samples of one prompt) whose rewards are not all equal. */
  readonly activeShare: number;
}

/** Settings of a configuration that determine how a GPU is used. */
export interface GpuUse {
  readonly agents: number;
  /**
   * GPUs per agent. Below 1: the share of one GPU. Above 1: the number of GPUs over which the model is
   * sharded.
   */
  readonly gpusPerAgent: number;
  /** Maximum number of messages that are decoded concurrently. */
  readonly decodeBatch: number;
  /** Bytes per weight in the element type of computations. */
  readonly weightBytes: 2 | 4;
}

/**
 * Part of a plan that comes from a GPU's data sheet: the assumptions behind the rates, and the memory per
 * GPU.
 */
export interface GpuPlan {
  readonly name: string;
  readonly gpu: Gpu;
  readonly assumptions: GpuAssumptions;
  readonly use: GpuUse;
  /** Memory per GPU, bytes, see {@link gpuBytes}. */
  readonly memoryBytes: number;
}

export interface GpuModel extends ModelSize {
  /** Size of the KV cache per token at two bytes per element, bytes. */
  readonly cacheBytesPerToken: number;
}

/**
 * Rates for `planCost` if every agent has its own GPUs. Agents sample in parallel, so sampling a message
 * takes the time of one agent divided by the number of agents. Training updates one agent after the other. If
 * an agent has several GPUs, they split its messages, and their communication is assumed to take no time.
 */
export function gpuRates(
  gpu: Gpu,
  models: readonly GpuModel[],
  { assume, use }: { readonly assume: GpuAssumptions; readonly use: GpuUse },
): MachineRates {
  const { promptTokens, messageTokens } = assume;
  const sequenceTokens = promptTokens + messageTokens;
  const share = use.gpusPerAgent;
  const flops = gpu.flops * assume.computeShare * share;
  const bandwidth = gpu.bandwidth * assume.bandwidthShare * share;
  const forward = mean(models, ({ parameters, attention }) => {
    return (2 * parameters + 2 * attention * sequenceTokens) / flops;
  });
  const sampleMessages = models.map(({ parameters, attention, cacheBytesPerToken }) => {
    // mean number of cached tokens: on average, half of the message was decoded before
    const read = promptTokens + messageTokens / 2;
    const bytes = parameters * use.weightBytes + use.decodeBatch * cacheBytesPerToken * read;
    const operations = use.decodeBatch * (2 * parameters + 4 * attention * read);
    const prefill = (promptTokens * 2 * parameters) / flops;
    return (messageTokens * Math.max(bytes / bandwidth, operations / flops)) / use.decodeBatch + prefill;
  });
  const agent = {
    sampling: {
      message: Math.max(...sampleMessages) / use.agents, // the slowest agent determines the time
      prefill: perToken(0),
      ...{ step: 0, row: 0, cached: 0 },
    },
    forward: perToken(forward),
    backward: perToken(3 * forward),
    fullBackward: perToken(4 * forward),
    divergence: perToken(2 * forward),
    // bytes per float32 parameter: reads weight, gradient and two moments, writes weight and moments
    step: mean(models, ({ trainedParameters }) => (28 * trainedParameters) / bandwidth),
    snapshot: 0,
    contextTokens: [promptTokens],
    commonTokens: [0],
    messageLengths: [messageTokens],
    messagesPerEpisode: 1,
  };
  const { activeShare } = assume;
  return { agents: [agent], activeShare, loadSeconds: 0, processBytes: 0, assumptions: [] };
}

function perToken(token: number): PassCost {
  return { call: 0, token, pair: 0 };
}

/**
 * Memory per GPU of the largest agent, bytes. Counts the weights; for trained weights also gradients, two
 * moments, the snapshot for divergences, float32 master weights if computations are 16-bit, the untrained
 * weights, with which the trained team is compared at the end of the run; and the KV cache of the messages
 * that are decoded concurrently. Activations are not counted; the token budget limits them.
 */
export function gpuBytes(
  models: readonly GpuModel[],
  { decodeBatch, weightBytes, gpusPerAgent }: GpuUse,
  sequenceTokens: number,
): number {
  return Math.max(
    ...models.map(({ parameters, trainedParameters: own, cacheBytesPerToken }) => {
      const cache = (decodeBatch * cacheBytesPerToken * sequenceTokens * weightBytes) / 2;
      const isAdapter = own < parameters;
      if (gpusPerAgent > 1) {
        // float32 shards of weights, snapshot, gradients, moments and untrained weights (with their own copy
        // of the base for an adapter); plus the complete model, which is gathered for sampling
        const shards = 24 * own + (isAdapter ? 2 * parameters * weightBytes : 0);
        return shards / gpusPerAgent + parameters * weightBytes + (isAdapter ? 4 * own : 0) + cache;
      }
      // bytes per trained parameter: weights, snapshot and untrained weights; master weights; gradients and
      // moments
      const perTrained = isAdapter ? 12 + 12 : 3 * weightBytes + (weightBytes === 2 ? 4 : 0) + 12;
      return own * perTrained + (isAdapter ? parameters * weightBytes : 0) + cache;
    }),
  );
}

function mean(models: readonly GpuModel[], of: (model: GpuModel) => number): number {
  return models.reduce((sum, model) => sum + of(model), 0) / models.length;
}
