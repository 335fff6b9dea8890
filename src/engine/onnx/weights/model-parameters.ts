/**
 * What a model's calls work on: all weights of its own, or a frozen base that it shares and an adapter.
 * @module
 */

import { adapterSpecs, parameterSpecs, type Weights } from '../decoder/parameters.ts';
import type { Runtime } from '../graph/runtime.ts';
import { type Adapter, saveAdapter } from '../lora/adapter-folder.ts';
import { mergedWeights } from '../lora/adapter-weights.ts';
import type { FrozenBase } from '../lora/frozen-base.ts';
import { type Checkpoint, saveCheckpoint } from './checkpoint.ts';
import { ParameterStore } from './parameter-store.ts';
import type { WeightSource } from './weight-source.ts';

export interface ModelParameters {
  /** Feeds of the graphs. */
  readonly weights: WeightSource;
  /** What is trainable. */
  readonly trainable: ParameterStore;
  readonly kind: 'full' | 'lora';
  /** Type of the weights that are not trainable, or of all. */
  readonly dtype: string;
  readonly parameterCount: number;
  save(dir: string): void;
  /** A folder of a whole model, adapters merged into it; without the optimiser. */
  saveMerged(dir: string): void;
}

/** All weights are the model's own and trainable. */
export function fullParameters(
  runtime: Runtime,
  checkpoint: Checkpoint,
  options: { readonly adopt: boolean },
): ModelParameters {
  const { config, tokenizer } = checkpoint;
  const trainable = new ParameterStore(runtime, parameterSpecs(config), checkpoint.weights, options);
  if (checkpoint.optimizer) trainable.loadOptimizerState(checkpoint.optimizer);
  return {
    weights: trainable,
    trainable,
    kind: 'full',
    dtype: 'float32',
    parameterCount: trainable.parameterCount,
    save: (dir) =>
      saveCheckpoint(dir, {
        config,
        tokenizer,
        weights: trainable.weights(),
        optimizer: trainable.optimizerState(),
      }),
    saveMerged: (dir) => saveCheckpoint(dir, { config, tokenizer, weights: trainable.weights() }),
  };
}

/** The base stays as it is; snapshots and the optimiser are the adapter's alone. */
export function adapterParameters(runtime: Runtime, base: FrozenBase, adapter: Adapter): ModelParameters {
  const { config, tokenizer } = base.files;
  const trainable = new ParameterStore(runtime, adapterSpecs(config, adapter.config), adapter.weights);
  if (adapter.optimizer) trainable.loadOptimizerState(adapter.optimizer);
  return {
    weights: new AdaptedWeights(base, trainable),
    trainable,
    kind: 'lora',
    dtype: base.storage,
    parameterCount: base.parameterCount + trainable.parameterCount,
    save: (dir) =>
      saveAdapter(dir, config, {
        config: adapter.config,
        weights: trainable.weights(),
        optimizer: trainable.optimizerState(),
      }),
    saveMerged: (dir) =>
      saveCheckpoint(dir, { config, tokenizer, weights: merged(base, adapter, trainable) }),
  };
}

function merged(base: FrozenBase, adapter: Adapter, trainable: ParameterStore): Weights {
  const parts = { base: base.weights(), adapter: trainable.weights() };
  return mergedWeights(base.files.config, adapter.config, parts);
}

class AdaptedWeights implements WeightSource {
  readonly #base: FrozenBase;
  readonly #adapter: ParameterStore;
  /** Joined feeds by the adapter's: made once per set of weights, so that what is keyed by them is kept. */
  readonly #joined = new WeakMap<object, ReturnType<WeightSource['tensors']>>();

  constructor(base: FrozenBase, adapter: ParameterStore) {
    this.#base = base;
    this.#adapter = adapter;
  }

  tensors(snapshot?: Parameters<WeightSource['tensors']>[0]): ReturnType<WeightSource['tensors']> {
    const own = this.#adapter.tensors(snapshot);
    let joined = this.#joined.get(own);
    if (!joined) {
      joined = { ...this.#base.tensors, ...own };
      this.#joined.set(own, joined);
    }
    return joined;
  }
}
