import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../../core/rng.ts';
import { ConfigError } from '../../../support/errors.ts';
import { tinyConfig } from '../testing/tiny-model.ts';
import {
  fromDiskTensors,
  initialWeights,
  parameterSize,
  parameterSpecs,
  tensorSource,
  toDiskTensors,
} from './parameters.ts';

const anyConfig = fc
  .record({
    layers: fc.integer({ min: 1, max: 3 }),
    kvHeads: fc.integer({ min: 1, max: 3 }),
    group: fc.integer({ min: 1, max: 3 }),
    headDim: fc.constantFrom(2, 4, 6),
    hiddenSize: fc.integer({ min: 1, max: 9 }),
    intermediateSize: fc.integer({ min: 1, max: 9 }),
    tiedEmbeddings: fc.boolean(),
  })
  .map(({ group, ...rest }) => tinyConfig({ ...rest, heads: group * rest.kvHeads }));

describe('stacking', () => {
  it('is inverted by splitting, for any shape', () => {
    fc.assert(
      fc.property(anyConfig, (config) => {
        const specs = parameterSpecs(config);
        const weights = initialWeights(config, randomStream(101));
        const disk = new Map(toDiskTensors(specs, weights).map((tensor) => [tensor.name, tensor]));
        expect(fromDiskTensors(specs, tensorSource(disk), 'x')).toEqual(weights);
        expect(disk.size).toBe(specs.reduce((sum, { parts }) => sum + parts.length, 0));
      }),
      { numRuns: 30 },
    );
  });

  it('stacks q, k and v, and gate and up, along the rows', () => {
    const config = tinyConfig({
      layers: 1,
      hiddenSize: 2,
      heads: 2,
      kvHeads: 1,
      headDim: 2,
      intermediateSize: 1,
    });
    const specs = parameterSpecs(config);
    const weights = new Map(
      specs.map((spec) => [spec.name, Float32Array.from({ length: parameterSize(spec) }, (_, i) => i)]),
    );
    const disk = new Map(toDiskTensors(specs, weights).map(({ name, ...rest }) => [name, rest]));
    const layer = 'model.layers.0.';
    expect(disk.get(`${layer}self_attn.q_proj.weight`)).toEqual({
      shape: [4, 2],
      values: Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7),
    });
    expect(disk.get(`${layer}self_attn.k_proj.weight`)).toEqual({
      shape: [2, 2],
      values: Float32Array.of(8, 9, 10, 11),
    });
    expect(disk.get(`${layer}self_attn.v_proj.weight`)).toEqual({
      shape: [2, 2],
      values: Float32Array.of(12, 13, 14, 15),
    });
    expect(disk.get(`${layer}mlp.gate_proj.weight`)).toEqual({
      shape: [1, 2],
      values: Float32Array.of(0, 1),
    });
    expect(disk.get(`${layer}mlp.up_proj.weight`)).toEqual({ shape: [1, 2], values: Float32Array.of(2, 3) });
  });

  it('throws for a missing tensor or another shape', () => {
    const specs = parameterSpecs(tinyConfig());
    const none = () => fromDiskTensors(specs, tensorSource(new Map()), 'm.safetensors');
    expect(none).toThrow(ConfigError);
    expect(none).toThrow(
      'm.safetensors: tensor "model.embed_tokens.weight" is missing; config.json asks for it',
    );
    const other = new Map([
      ['model.embed_tokens.weight', { shape: [12, 22], values: new Float32Array(264) }],
    ]);
    const transposed = () => fromDiskTensors(specs, tensorSource(other), 'm');
    expect(transposed).toThrow(
      'm: tensor "model.embed_tokens.weight" has shape [12,22], config.json asks for [22,12]',
    );
  });
});

describe('the specs', () => {
  it('have an output matrix only for untied embeddings', () => {
    const names = (tiedEmbeddings: boolean) =>
      parameterSpecs(tinyConfig({ tiedEmbeddings })).map(({ name }) => name);
    expect(names(false)).toEqual([...names(true), 'lm_head']);
  });

  it('apply weight decay to matrices, not to vectors', () => {
    for (const { shape, decay } of parameterSpecs(tinyConfig())) expect(decay).toBe(shape.length === 2);
  });
});

describe('initialWeights', () => {
  const config = tinyConfig({ hiddenSize: 64, intermediateSize: 128, vocabSize: 500 });
  const weights = initialWeights(config, randomStream(7, 0));
  const deviation = (name: string): number => {
    const values = weights.get(name)!;
    return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  };

  it('are 1 in norms and normal elsewhere, smaller in projections into the residual stream', () => {
    expect(weights.get('layers.1.post_norm')).toEqual(new Float32Array(64).fill(1));
    // the standard deviation is 0.08, because 1/sqrt(64) exceeds this upper bound
    for (const name of ['embed_tokens', 'layers.0.gate_up']) expect(deviation(name)).toBeCloseTo(0.08, 2);
    for (const name of ['layers.0.down', 'layers.1.o']) expect(deviation(name)).toBeCloseTo(0.08 / 2, 2);
    expect(Math.abs(weights.get('embed_tokens')!.reduce((sum, x) => sum + x, 0) / 32000)).toBeLessThan(0.003);
  });

  it('have standard deviation 1/sqrt(D), bounded by 0.02 and 0.08', () => {
    const scaleOf = (hiddenSize: number): number => {
      const table = initialWeights(
        tinyConfig({ hiddenSize, layers: 1, heads: 1, kvHeads: 1, headDim: 2, intermediateSize: 1 }),
        randomStream(7),
      );
      return (
        table.get('embed_tokens')![0]! /
        initialWeights(tinyConfig(), randomStream(7)).get('embed_tokens')![0]!
      );
    };
    expect(scaleOf(400)).toBeCloseTo(0.05 / 0.08, 5);
    expect(scaleOf(3000)).toBeCloseTo(0.02 / 0.08, 5);
  });

  it('depend on the seed and the index of the parameter: pinned values', () => {
    // shipped base models are reproduced from their seeds, so these values must not change
    const pinned = initialWeights(tinyConfig(), randomStream(7, 0));
    expect(pinned.get('embed_tokens')!.slice(0, 3)).toEqual(
      Float32Array.of(-0.054577336, -0.04027887, -0.045488112),
    );
    expect(pinned.get('layers.1.down')!.slice(0, 3)).toEqual(
      Float32Array.of(-0.017921304, 0.026781093, -0.036229786),
    );
    expect(initialWeights(tinyConfig({ vocabSize: 40 }), randomStream(7, 0)).get('layers.1.down')).toEqual(
      pinned.get('layers.1.down'),
    );
  });
});
