/**
 * How fast a graphics card should run a team, from its data sheet: for cards nobody has at hand. Products of matrices
 * are taken to reach a share of the card's peak, sampling a share of its memory's bandwidth, which reads all weights
 * for every token of a batch. The shares are assumptions; `troupe plan` prints them.
 * @module
 */
import type { MachineRates, ModelSize } from './cost.ts';

export interface Gpu {
  /** Peak of dense bfloat16 products, operations per second. */
  readonly flops: number;
  /** Bytes per second. */
  readonly bandwidth: number;
  readonly memoryBytes: number;
}

const GIB = 2 ** 30;

/** Of the makers' data sheets. */
export const GPUS: Readonly<Record<string, Gpu>> = {
  rtx4090: { flops: 165e12, bandwidth: 1.008e12, memoryBytes: 24 * GIB },
  l40s: { flops: 362e12, bandwidth: 0.864e12, memoryBytes: 48 * GIB },
  a100: { flops: 312e12, bandwidth: 2.039e12, memoryBytes: 80 * GIB },
  h100: { flops: 989e12, bandwidth: 3.35e12, memoryBytes: 80 * GIB },
  h200: { flops: 989e12, bandwidth: 4.8e12, memoryBytes: 141 * GIB },
};

/** What the plan assumes of a run nobody has seen. */
export interface GpuAssumptions {
  /** Share of the peak that training passes reach. */
  readonly computeShare: number;
  /** Share of the bandwidth that sampling reaches. */
  readonly bandwidthShare: number;
  readonly promptTokens: number;
  readonly messageTokens: number;
  /** Share of episodes in groups whose rewards differ. */
  readonly activeShare: number;
}

/** The part of a configuration that decides how a card is used. */
export interface GpuUse {
  readonly agents: number;
  /** Cards of one agent; a share of one, or as many as its model is dealt out among. */
  readonly gpusPerAgent: number;
  readonly decodeBatch: number;
  /** Bytes of a weight that computes. */
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
  /** Of keys and values, bytes per token of one message at two bytes a number. */
  readonly cacheBytesPerToken: number;
}

/**
 * Rates of one agent's cards, as `planCost` takes them. Agents sample side by side, so a message of the team takes
 * one agent's time over their number; they are trained one after the other, as the algorithm has it. Several cards of
 * an agent share out messages, and what passes between them is taken to cost nothing.
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
    const read = promptTokens + messageTokens / 2; // keys and values of a message half written
    const bytes = parameters * use.weightBytes + use.decodeBatch * cacheBytesPerToken * read;
    const operations = use.decodeBatch * (2 * parameters + 4 * attention * read);
    const prefill = (promptTokens * 2 * parameters) / flops;
    return (messageTokens * Math.max(bytes / bandwidth, operations / flops)) / use.decodeBatch + prefill;
  });
  return {
    sampleMessage: Math.max(...sampleMessages) / use.agents, // the slowest is waited for
    forwardToken: forward,
    backwardToken: 3 * forward,
    fullBackwardToken: 4 * forward,
    divergenceToken: 2 * forward,
    // weights, gradient and both moments are read, three of them written, all in float32
    step: mean(models, ({ trainedParameters }) => (28 * trainedParameters) / bandwidth),
    messageTokens,
    sequenceTokens,
    activeShare: assume.activeShare,
    residentBytes: 0,
    loadedBytes: 0,
  };
}

/**
 * Memory of the largest agent's share of a card, or of each of its cards, bytes: weights; of those that are trained also
 * gradients, two moments, the snapshot that divergences are taken from, float32 masters where weights compute in 16 bits,
 * and the untrained weights of the closing comparison; keys and values of the messages that are sampled together.
 * Activations come on top, as the token budget allows.
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
        // float32 pieces: weights, snapshot, gradients, moments, untrained weights with a base of their own; and while
        // messages are drawn the whole model
        const pieces = 24 * own + (isAdapter ? 2 * parameters * weightBytes : 0);
        return pieces / gpusPerAgent + parameters * weightBytes + (isAdapter ? 4 * own : 0) + cache;
      }
      // weights, snapshot and untrained weights; masters; gradients and moments
      const perTrained = isAdapter ? 12 + 12 : 3 * weightBytes + (weightBytes === 2 ? 4 : 0) + 12;
      return own * perTrained + (isAdapter ? parameters * weightBytes : 0) + cache;
    }),
  );
}

function mean(models: readonly GpuModel[], of: (model: GpuModel) => number): number {
  return models.reduce((sum, model) => sum + of(model), 0) / models.length;
}
