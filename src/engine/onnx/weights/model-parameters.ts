/**
 * The parameters of a model: either all weights, owned and trained by the model, or a shared frozen base and a trained
 * adapter.
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
  /** Weight inputs of the graphs. */
  readonly weights: WeightSource;
  /** The trainable parameters. */
  readonly trainable: ParameterStore;
  readonly kind: 'full' | 'lora';
  /** Type of the frozen base's matrices, or of all weights if there is no base. */
  readonly dtype: string;
  readonly parameterCount: number;
  save(dir: string): void;
  /**
   * Writes a full model to a folder: the adapter is merged into its base, and the optimizer state is omitted.
   */
  saveMerged(dir: string): void;
}

/** Full-parameter training: the model owns and trains all weights. */
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

/**
 * LoRA training: the base is frozen; gradients, optimizer state and snapshots cover the adapter only.
 *
 * @param tokenizer - tokenizer files of a merged model; default: those of the base
 */
export function adapterParameters(
  runtime: Runtime,
  base: FrozenBase,
  adapter: Adapter,
  tokenizer: Checkpoint['tokenizer'] = base.files.tokenizer,
): ModelParameters {
  const { config } = base.files;
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

/** The weights of a base and an adapter as one source. */
class AdaptedWeights implements WeightSource {
  readonly #base: FrozenBase;
  readonly #adapter: ParameterStore;
  /**
   * Tensors of base and adapter in one object, cached by the adapter's tensor object. The same object is
   * returned every time, because callers use it as a cache key.
   */
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

  version(snapshot?: Parameters<WeightSource['version']>[0]): number {
    return this.#adapter.version(snapshot); // the base is frozen
  }
}
