import { describe, expect, it } from 'vitest';
import { GPUS, type GpuModel, type GpuUse, gpuBytes, gpuRates } from './gpu.ts';

/** Sizes of a model for which the expected values were computed by hand. */
const model: GpuModel = { parameters: 1e9, trainedParameters: 1e9, attention: 1e5, cacheBytesPerToken: 1e5 };
const card = { flops: 1e14, bandwidth: 1e12, memoryBytes: 2 ** 35 };
const assume = {
  ...{ computeShare: 0.5, bandwidthShare: 0.5, activeShare: 0.5 },
  ...{ promptTokens: 100, messageTokens: 200 },
};
const use: GpuUse = { agents: 1, gpusPerAgent: 1, decodeBatch: 10, weightBytes: 2 };

describe('rates of a GPU', () => {
  const ratesFor = (models: readonly GpuModel[], used: GpuUse) =>
    gpuRates(card, models, { assume, use: used }).agents[0]!;
  const rates = ratesFor([model], use);
  const perToken = rates.forward.token;

  it('equal those computed by hand', () => {
    // 2e9 operations for the weights and 2 x 1e5 x 300 for attention, at half of the peak of 1e14 per second
    expect(rates.forward).toEqual({ call: 0, token: expect.closeTo((2e9 + 6e7) / 5e13, 12), pair: 0 });
    expect(rates.backward.token).toBeCloseTo(3 * perToken, 12);
    expect(rates.divergence.token).toBeCloseTo(2 * perToken, 12);
    // decoding one token of each of ten messages reads 2e9 bytes of weights and ten caches of 200 tokens,
    // together 2.2e9 bytes, at 5e11 bytes per second
    expect(rates.sampling.message).toBeCloseTo((200 * (2.2e9 / 5e11)) / 10 + (100 * 2e9) / 5e13, 9);
    expect(rates.step).toBeCloseTo(28e9 / 5e11, 12);
  });

  it('halve with half a GPU; agents sample in parallel', () => {
    expect(ratesFor([model], { ...use, gpusPerAgent: 0.5 }).forward.token).toBeCloseTo(2 * perToken, 12);
    const three = ratesFor([model, model, model], { ...use, agents: 3 });
    expect(three.sampling.message).toBeCloseTo(rates.sampling.message / 3, 12);
    expect(three.backward.token).toBeCloseTo(rates.backward.token, 12);
  });

  it('add up over the GPUs of an agent', () => {
    const four = ratesFor([model], { ...use, gpusPerAgent: 4 });
    expect(four.forward.token).toBeCloseTo(perToken / 4, 12);
    expect(four.sampling.message).toBeCloseTo(rates.sampling.message / 4, 12);
    expect(four.step).toBeCloseTo(rates.step / 4, 12);
  });

  it('are compute-bound for large batches', () => {
    const many = ratesFor([model], { ...use, decodeBatch: 1e4 });
    expect(many.sampling.message).toBeGreaterThanOrEqual((200 * 2e9) / 5e13);
  });
});

describe('memory of a GPU', () => {
  it('is the sum of weights, master weights, gradients, moments, snapshot and untrained weights', () => {
    const cache = 10 * 1e5 * 300;
    expect(gpuBytes([model], use, 300)).toBe(22e9 + cache);
    expect(gpuBytes([model], { ...use, weightBytes: 4 }, 300)).toBe(24e9 + 2 * cache);
  });

  it('of an adapter is mostly its base', () => {
    const bytes = gpuBytes([{ ...model, trainedParameters: 1e7 }], use, 0);
    expect(bytes).toBe(2e9 + 24e7);
  });

  it('of a sharded agent is a shard of the training state and the complete model for sampling', () => {
    expect(gpuBytes([model], { ...use, gpusPerAgent: 4 }, 0)).toBe(2e9 + 24e9 / 4);
    const adapter = gpuBytes([{ ...model, trainedParameters: 1e7 }], { ...use, gpusPerAgent: 4 }, 0);
    expect(adapter).toBe(2e9 + 4e7 + (24e7 + 4e9) / 4);
  });

  it('is that of the largest agent', () => {
    const small = { ...model, parameters: 1e8, trainedParameters: 1e8 };
    expect(gpuBytes([small, model], use, 0)).toBe(22e9);
  });
});

it('lists GPUs by ascending memory', () => {
  const sizes = Object.values(GPUS).map(({ memoryBytes }) => memoryBytes);
  expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
});
