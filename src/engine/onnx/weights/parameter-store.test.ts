import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../support/errors.ts';
import type { AdamWParams, SnapshotId } from '../../engine.ts';
import { parameterSize, parameterSpecs } from '../decoder/parameters.ts';
import { floatData, Runtime } from '../graph/runtime.ts';
import { tinyConfig, tinyWeights } from '../testing/tiny-model.ts';
import { adamwStep } from './adamw.ts';
import { ParameterStore } from './parameter-store.ts';

const runtime = await Runtime.open({ threads: 1, spinning: false });
const config = tinyConfig({ layers: 1 });
const specs = parameterSpecs(config);
const adamw: AdamWParams = {
  ...{ learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1, maxGradNorm: Infinity },
};

const fresh = (): ParameterStore => new ParameterStore(runtime, specs, tinyWeights(config));

/** Returns a gradient that differs between parameters and between rounds. */
const gradient =
  (round: number) =>
  (name: string): Float32Array =>
    Float32Array.from({ length: parameterSize(specs.find((spec) => spec.name === name)!) }, (_, i) =>
      Math.sin(1 + i + 7 * round + name.length),
    );

function train(store: ParameterStore, rounds: readonly number[], params: AdamWParams = adamw): number[] {
  return rounds.map((round) => {
    store.addGradients(gradient(round));
    return store.stepAdamW(params);
  });
}

/** Returns a copy of all weights and of the optimizer state. */
function state(store: ParameterStore): unknown {
  const { step, m, v } = store.optimizerState();
  const copy = (map: ReadonlyMap<string, Float32Array>) =>
    [...map].map(([name, values]) => [name, values.slice()]);
  return { step, weights: copy(store.weights()), m: copy(m), v: copy(v) };
}

describe('gradients', () => {
  it('accumulate until the next step', () => {
    const [twice, once] = [fresh(), fresh()];
    twice.addGradients(gradient(1));
    twice.addGradients(gradient(2));
    once.addGradients((name) => gradient(1)(name).map((g, i) => g + gradient(2)(name)[i]!));
    expect(twice.stepAdamW(adamw)).toBeCloseTo(once.stepAdamW(adamw), 5);
    expect(twice.stepAdamW(adamw)).toBe(0);
  });

  it('are cleared by zeroGradients', () => {
    const store = fresh();
    store.addGradients(gradient(1));
    store.zeroGradients();
    expect(store.stepAdamW(adamw)).toBe(0);
  });
});

describe('a step', () => {
  it('updates every parameter by AdamW; norm weights do not decay', () => {
    const store = fresh();
    const expected = new Map([...tinyWeights(config)].map(([name, values]) => [name, values.slice()]));
    train(store, [1]);
    for (const { name, decay } of specs) {
      const weights = expected.get(name)!;
      const zeros = () => new Float32Array(weights.length);
      adamwStep({ weights, gradient: gradient(1)(name), m: zeros(), v: zeros(), decay }, adamw, {
        step: 1,
        scale: 1,
      });
      expect(store.weights().get(name), name).toEqual(weights);
      expect(decay).toBe(!/norm/.test(name));
    }
    expect(store.step).toBe(1);
  });

  it('returns the norm over all parameters before clipping', () => {
    const [clipped, scaled, free] = [fresh(), fresh(), fresh()];
    const [norm] = train(free, [1]);
    expect(norm).toBeCloseTo(
      Math.sqrt(
        specs.reduce((sum, { name }) => sum + gradient(1)(name).reduce((part, g) => part + g * g, 0), 0),
      ),
      4,
    );
    expect(train(clipped, [1], { ...adamw, maxGradNorm: norm! / 4 })).toEqual([norm]);
    // the first Adam step does not depend on the gradient's scale, but the moments do
    scaled.addGradients((name) => gradient(1)(name).map((g) => g / 4));
    scaled.stepAdamW(adamw);
    for (const { name } of specs)
      clipped
        .optimizerState()
        .m.get(name)!
        .forEach((m, i) => {
          expect(m).toBeCloseTo(scaled.optimizerState().m.get(name)![i]!, 6);
        });
    expect(train(fresh(), [1], { ...adamw, maxGradNorm: norm! })).toEqual([norm]);
    const unclipped = fresh();
    train(unclipped, [1], { ...adamw, maxGradNorm: norm! });
    expect(state(unclipped)).toEqual(state(free));
  });

  it('returns NaN for a NaN gradient', () => {
    const store = fresh();
    store.addGradients((name) => gradient(1)(name).fill(name === 'norm' ? Number.NaN : 0));
    expect(store.stepAdamW(adamw)).toBeNaN();
  });
});

describe('a snapshot', () => {
  it('can be restored repeatedly, byte for byte, and training then continues identically', () => {
    const store = fresh();
    train(store, [1, 2]);
    const id = store.snapshot();
    const there = state(store);
    const norms = train(store, [3, 4]);
    const further = state(store);
    for (let round = 0; round < 2; round++) {
      store.addGradients(gradient(9)); // restore must clear it
      store.restore(id);
      expect(state(store)).toEqual(there);
      expect(train(store, [3, 4])).toEqual(norms);
      expect(state(store)).toEqual(further);
    }
  });

  it('restores weights that became NaN', () => {
    const store = fresh();
    const id = store.snapshot();
    const there = state(store);
    store.addGradients((name) => gradient(1)(name).fill(Number.NaN));
    store.stepAdamW(adamw);
    expect(state(store)).not.toEqual(there);
    store.restore(id);
    expect(state(store)).toEqual(there);
  });

  it('has the version of its weights, to which restore returns; every change gives another one', () => {
    const store = fresh();
    const start = store.snapshot();
    const version = store.version();
    expect(store.version(start)).toBe(version);
    train(store, [1]);
    const changed = store.version();
    expect(changed).not.toBe(version);
    store.restore(start);
    expect(store.version()).toBe(version);
    train(store, [1]);
    expect([version, changed]).not.toContain(store.version());
    // the caller can change the arrays
    const before = store.version();
    store.weights();
    expect(store.version()).not.toBe(before);
  });

  it('has its own tensors, while the tensors of the store follow the current weights', () => {
    const store = fresh();
    const id = store.snapshot();
    const live = store.tensors();
    train(store, [1]);
    expect(floatData(store.tensors(id).norm)).toEqual(tinyWeights(config).get('norm'));
    expect(floatData(live.norm)).toEqual(store.weights().get('norm'));
    expect(floatData(live.norm)).not.toEqual(tinyWeights(config).get('norm'));
    store.restore(id);
    // the weights are restored in place, because sessions read this memory
    expect(store.tensors()).toBe(live);
  });

  it('does not exist after release; other snapshots do', () => {
    const store = fresh();
    const [first, second] = [store.snapshot(), store.snapshot()];
    expect(first).not.toBe(second);
    store.release(first);
    for (const use of [() => store.restore(first), () => store.tensors(first)]) {
      expect(use).toThrow(EngineError);
      expect(use).toThrow(`engine onnx: snapshot "${first}" does not exist; it was released`);
    }
    store.restore(second);
    store.release(first); // releasing twice has no effect
    expect(() => store.restore('snapshot-99' as SnapshotId)).toThrow('"snapshot-99" does not exist');
    expect(store.snapshot()).not.toBe(first); // ids are not reused
  });
});

describe('construction', () => {
  it('copies the weights by default', () => {
    const weights = tinyWeights(config);
    const store = new ParameterStore(runtime, specs, weights);
    train(store, [1]);
    expect(weights).toEqual(tinyWeights(config));
  });

  it('resumes from a saved optimizer state without a difference', () => {
    const [saved, resumed] = [fresh(), fresh()];
    train(saved, [1, 2, 3]);
    for (const [name, values] of saved.weights()) resumed.weights().get(name)!.set(values);
    resumed.loadOptimizerState(saved.optimizerState());
    expect(state(resumed)).toEqual(state(saved));
    train(saved, [4]);
    train(resumed, [4]);
    expect(state(resumed)).toEqual(state(saved));
  });

  it('counts its parameters', () => {
    const [D, F, V] = [12, 10, 22];
    expect(fresh().parameterCount).toBe(V * D + D + 40 * D + 4 + 4 + D * 24 + D + 2 * F * D + D * F + D);
  });
});
