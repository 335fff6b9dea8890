/**
 * Estimates the rates of a GPU from its data sheet. Matrix products reach an assumed share of the peak, sampling an
 * assumed share of the memory bandwidth, because it reads all weights for every token of a batch. `troupe plan` prints
 * the assumptions.
 * @module
 */
import type { MachineRates, ModelSize } from './cost.ts';

export interface Gpu {
  /** Peak of dense bfloat16 matrix products, operations per second. */
  readonly flops: number;
  /** Memory bandwidth, bytes per second. */
  readonly bandwidth: number;
  readonly memoryBytes: number;
}

const GIB = 2 ** 30;

/** From the data sheets of the manufacturers. */
export const GPUS: Readonly<Record<string, Gpu>> = {
  rtx4090: { flops: 165e12, bandwidth: 1.008e12, memoryBytes: 24 * GIB },
  l40s: { flops: 362e12, bandwidth: 0.864e12, memoryBytes: 48 * GIB },
  a100: { flops: 312e12, bandwidth: 2.039e12, memoryBytes: 80 * GIB },
  h100: { flops: 989e12, bandwidth: 3.35e12, memoryBytes: 80 * GIB },
  h200: { flops: 989e12, bandwidth: 4.8e12, memoryBytes: 141 * GIB },
};

/** Assumptions about a run that has not been measured. */
export interface GpuAssumptions {
  /** Share of the peak that training passes reach. */
  readonly computeShare: number;
  /** Share of the bandwidth that sampling reaches. */
  readonly bandwidthShare: number;
  /** Mean length of a prompt, tokens. */
  readonly promptTokens: number;
  /** Mean length of a message, tokens. */
  readonly messageTokens: number;
  /** Share of episodes in groups whose rewards differ. */
  readonly activeShare: number;
}

/** The part of a configuration that determines how a GPU is used. */
export interface GpuUse {
  readonly agents: number;
  /** GPUs per agent: a share of one below 1, else the number that its model is sharded over. */
  readonly gpusPerAgent: number;
  /** Messages decoded together. */
  readonly decodeBatch: number;
  /** Bytes per weight in computations. */
  readonly weightBytes: 2 | 4;
}

/** A plan for GPUs from data sheets: the assumptions behind the rates, and the memory per GPU. */
export interface GpuPlan {
  readonly name: string;
  readonly gpu: Gpu;
  readonly assumptions: GpuAssumptions;
  readonly use: GpuUse;
  /** {@link gpuBytes} of the team. */
  readonly memoryBytes: number;
}

export interface GpuModel extends ModelSize {
  /** Keys and values of one token at two bytes per element, bytes. */
  readonly cacheBytesPerToken: number;
}

/**
 * Rates of one agent's GPUs for `planCost`. Agents sample in parallel, so a message of the team takes the time of one
 * agent divided by their number; the algorithm trains them one after the other. Several GPUs of an agent split its
 * messages; their communication is assumed to cost nothing.
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
    const read = promptTokens + messageTokens / 2; // on average half of the message is in the cache
    const bytes = parameters * use.weightBytes + use.decodeBatch * cacheBytesPerToken * read;
    const operations = use.decodeBatch * (2 * parameters + 4 * attention * read);
    const prefill = (promptTokens * 2 * parameters) / flops;
    return (messageTokens * Math.max(bytes / bandwidth, operations / flops)) / use.decodeBatch + prefill;
  });
  return {
    sampleMessage: Math.max(...sampleMessages) / use.agents, // the slowest agent determines the time
    forwardToken: forward,
    backwardToken: 3 * forward,
    fullBackwardToken: 4 * forward,
    divergenceToken: 2 * forward,
    // float32: reads weights, gradient and two moments, writes weights and moments
    step: mean(models, ({ trainedParameters }) => (28 * trainedParameters) / bandwidth),
    messageTokens,
    sequenceTokens,
    activeShare: assume.activeShare,
    residentBytes: 0,
    loadedBytes: 0,
  };
}

/**
 * Memory per GPU of the largest agent, bytes: weights; for trained weights also gradients, two moments, the snapshot
 * for divergences, float32 master weights under 16-bit computation, and the untrained weights of the closing
 * comparison; keys and values of the messages that are decoded together. Activations, which the token budget limits,
 * are not included.
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
        // float32 shards: weights, snapshot, gradients, moments, untrained weights (with their own base for an
        // adapter); while sampling, the complete model
        const shards = 24 * own + (isAdapter ? 2 * parameters * weightBytes : 0);
        return shards / gpusPerAgent + parameters * weightBytes + (isAdapter ? 4 * own : 0) + cache;
      }
      // weights, snapshot and untrained weights; master weights; gradients and moments
      const perTrained = isAdapter ? 12 + 12 : 3 * weightBytes + (weightBytes === 2 ? 4 : 0) + 12;
      return own * perTrained + (isAdapter ? parameters * weightBytes : 0) + cache;
    }),
  );
}

function mean(models: readonly GpuModel[], of: (model: GpuModel) => number): number {
  return models.reduce((sum, model) => sum + of(model), 0) / models.length;
}
