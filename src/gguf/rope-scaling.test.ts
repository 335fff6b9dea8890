import { describe, expect, it } from 'vitest';
import type { GgufContent } from './container.ts';
import { Metadata } from './metadata.ts';
import { ROPE_FACTORS, ropeScaling } from './rope-scaling.ts';

interface Llama3 {
  readonly headDim: number;
  readonly theta: number;
  readonly factor: number;
  readonly low: number;
  readonly high: number;
  readonly original: number;
}

/** Factors as in llama.cpp's converter. */
function factorsOf({ headDim, theta, factor, low, high, original }: Llama3): Float32Array {
  return Float32Array.from({ length: headDim / 2 }, (_, j) => {
    const wavelength = 2 * Math.PI * theta ** ((2 * j) / headDim);
    if (wavelength < original / high) return 1;
    if (wavelength > original / low) return factor;
    const smooth = (original / wavelength - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

function scalingOf(factors: Float32Array, { headDim, theta }: Pick<Llama3, 'headDim' | 'theta'>) {
  const tensor = { name: ROPE_FACTORS, shape: [factors.length], typeId: 0, offset: 0 };
  const content: GgufContent = {
    path: 'a.gguf',
    metadata: new Map(),
    tensors: new Map([[ROPE_FACTORS, tensor]]),
    read: (target) => target.set(new Uint8Array(factors.buffer)),
  };
  return ropeScaling(content, new Metadata(content), { name: 'llama', headDim, theta });
}

const LLAMA = { headDim: 128, theta: 500_000, factor: 8, low: 1, high: 4, original: 8192 };

describe('the factors of Llama 3', () => {
  it.each([
    ['Llama 3.1', LLAMA],
    ['Llama 3.2 with 1 B parameters', { ...LLAMA, headDim: 64, factor: 32 }],
    ['another context and ratio', { ...LLAMA, factor: 16, high: 8, original: 4096 }],
  ])('give the parameters of %s', (_, parameters) => {
    expect(scalingOf(factorsOf(parameters), parameters)).toEqual({
      rope_type: 'llama3',
      factor: parameters.factor,
      low_freq_factor: 1,
      high_freq_factor: parameters.high,
      original_max_position_embeddings: parameters.original,
    });
  });

  it.each([
    ['with another low factor', { ...LLAMA, low: 2, high: 6 }],
    ['with one factor in between', { ...LLAMA, headDim: 12 }],
    ['with none in between', { ...LLAMA, headDim: 6 }],
  ])('%s give equivalent parameters', (_, parameters) => {
    const scaling = scalingOf(factorsOf(parameters), parameters) as Record<string, number>;
    const again = factorsOf({
      ...parameters,
      low: 1,
      high: scaling.high_freq_factor ?? 0,
      original: scaling.original_max_position_embeddings ?? 0,
    });
    for (const [j, value] of factorsOf(parameters).entries()) expect(again[j]).toBeCloseTo(value, 4);
  });

  it('that are all 1 are no scaling, and others are refused', () => {
    expect(scalingOf(new Float32Array(8).fill(1), LLAMA)).toBeNull();
    const other = Float32Array.of(1, 3, 1, 5, 2, 8, 1, 8);
    expect(() => scalingOf(other, { headDim: 16, theta: 1e4 })).toThrow(
      'a.gguf: tensor "rope_freqs.weight" scales positions in another way than Llama 3, which is not supported',
    );
  });
});
