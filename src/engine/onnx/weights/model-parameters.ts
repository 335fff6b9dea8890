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

export interface ModelNumbers {
  /** Feeds of the graphs. */
  readonly source: WeightSource;
  /** What is trained. */
  readonly trained: ParameterStore;
  readonly kind: 'full' | 'lora';
  /** Type of the weights that are not trained, or of all. */
  readonly dtype: string;
  readonly parameterCount: number;
  save(dir: string): void;
  /** A folder of a whole model, adapters merged into it; without the optimiser. */
  saveMerged(dir: string): void;
}

/** All weights are the model's own and trained. */
export function fullNumbers(
  runtime: Runtime,
  checkpoint: Checkpoint,
  options: { readonly adopt: boolean },
): ModelNumbers {
  const { config, tokenizer } = checkpoint;
  const trained = new ParameterStore(runtime, parameterSpecs(config), checkpoint.weights, options);
  if (checkpoint.optimizer) trained.loadOptimizerState(checkpoint.optimizer);
  return {
    source: trained,
    trained,
    kind: 'full',
    dtype: 'float32',
    parameterCount: trained.parameterCount,
    save: (dir) =>
      saveCheckpoint(dir, {
        config,
        tokenizer,
        weights: trained.weights(),
        optimizer: trained.optimizerState(),
      }),
    saveMerged: (dir) => saveCheckpoint(dir, { config, tokenizer, weights: trained.weights() }),
  };
}

/** The base stays as it is; snapshots and the optimiser are the adapter's alone. */
export function adapterNumbers(runtime: Runtime, base: FrozenBase, adapter: Adapter): ModelNumbers {
  const { config, tokenizer } = base.files;
  const trained = new ParameterStore(runtime, adapterSpecs(config, adapter.config), adapter.weights);
  if (adapter.optimizer) trained.loadOptimizerState(adapter.optimizer);
  return {
    source: new AdaptedWeights(base, trained),
    trained,
    kind: 'lora',
    dtype: base.storage,
    parameterCount: base.parameterCount + trained.parameterCount,
    save: (dir) =>
      saveAdapter(dir, config, {
        config: adapter.config,
        weights: trained.weights(),
        optimizer: trained.optimizerState(),
      }),
    saveMerged: (dir) => saveCheckpoint(dir, { config, tokenizer, weights: merged(base, adapter, trained) }),
  };
}

function merged(base: FrozenBase, adapter: Adapter, trained: ParameterStore): Weights {
  const parts = { base: base.weights(), adapter: trained.weights() };
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
