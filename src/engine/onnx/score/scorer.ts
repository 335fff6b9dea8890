/**
 * Computes log-probabilities, gradients and divergences of whole sequences with one graph of a small model,
 * in padded batches under a token budget.
 * @module
 */
import { EngineError } from '../../../support/errors.ts';
import type {
  BackwardParams,
  BackwardResult,
  Divergence,
  Model,
  ScoreParams,
  Sequence,
  SnapshotId,
} from '../../engine.ts';
import { GRADIENT_PREFIX } from '../decoder/training-graph.ts';
import { floatData, type Tensor } from '../graph/runtime.ts';
import type { Sessions } from '../sessions.ts';
import type { ParameterStore } from '../weights/parameter-store.ts';
import { type Batch, packBatches } from './batch.ts';
import { checkSequence } from './sequence-check.ts';

/**
 * Computes log-probabilities, gradients and divergences of whole sequences, with one graph or layer by layer.
 */
export type SequenceScorer = Pick<Model, 'forward' | 'backward' | 'divergence'> &
  Required<Pick<Model, 'distributions'>>;

export class Scorer implements SequenceScorer {
  readonly #sessions: Sessions;
  readonly #parameters: ParameterStore;
  readonly #tokenBudget: number;

  constructor(sessions: Sessions, parameters: ParameterStore, tokenBudget: number) {
    this.#sessions = sessions;
    this.#parameters = parameters;
    this.#tokenBudget = tokenBudget;
  }

  async forward(sequences: readonly Sequence[], params: ScoreParams): Promise<Float32Array[]> {
    const logp = emptyRows(sequences);
    const session = await this.#sessions.sequence({ gradients: false, kl: false, rows: false });
    for (const batch of this.#pack(sequences)) {
      params.signal?.throwIfAborted();
      const outputs = await session.run({
        ...this.#parameters.tensors(),
        ...this.#feeds(batch, params.temperature),
      });
      scatterRows(batch, floatData(outputs.logp), logp);
    }
    return logp;
  }

  async backward(
    sequences: readonly Sequence[],
    cotangents: readonly ArrayLike<number>[],
    params: BackwardParams,
  ): Promise<BackwardResult> {
    const logp = emptyRows(sequences);
    const kl = params.kl ? emptyRows(sequences) : undefined;
    const session = await this.#sessions.sequence({
      gradients: true,
      kl: params.kl !== undefined,
      rows: false,
    });
    for (const batch of this.#pack(sequences)) {
      params.signal?.throwIfAborted();
      const feeds = this.#feeds(batch, params.temperature);
      Object.assign(feeds, this.#gradientFeeds(batch, cotangents));
      if (params.kl) {
        feeds.reference = await this.#rows(batch, feeds, params.kl.reference);
        feeds.kl_weight = this.#sessions.runtime.float32(Float32Array.of(params.kl.weight), []);
      }
      const outputs = await session.run({ ...this.#parameters.tensors(), ...feeds });
      scatterRows(batch, floatData(outputs.logp), logp);
      if (kl) scatterRows(batch, floatData(outputs.kl), kl);
      this.#parameters.addGradients((name) => floatData(outputs[GRADIENT_PREFIX + name]));
    }
    return kl ? { logp, kl } : { logp };
  }

  async divergence(
    sequences: readonly Sequence[],
    cur: SnapshotId,
    params: ScoreParams,
  ): Promise<Divergence> {
    const result = {
      klNewOld: emptyRows(sequences),
      klOldNew: emptyRows(sequences),
      tv: emptyRows(sequences),
    };
    const session = await this.#sessions.divergence();
    for (const batch of this.#pack(sequences)) {
      params.signal?.throwIfAborted();
      const feeds = this.#feeds(batch, params.temperature);
      const next = await this.#rows(batch, feeds);
      const outputs = await session.run({ new: next, cur: await this.#rows(batch, feeds, cur) });
      scatterRows(batch, floatData(outputs.kl_new_cur), result.klNewOld);
      scatterRows(batch, floatData(outputs.kl_cur_new), result.klOldNew);
      scatterRows(batch, floatData(outputs.tv), result.tv);
    }
    return result;
  }

  async distributions(
    sequences: readonly Sequence[],
    { snapshot, ...params }: ScoreParams & { readonly snapshot?: SnapshotId },
    visit: (index: number, logp_TV: Float32Array) => void,
  ): Promise<void> {
    const { vocabSize } = this.#sessions.config;
    for (const batch of this.#pack(sequences)) {
      params.signal?.throwIfAborted();
      const rows = floatData(await this.#rows(batch, this.#feeds(batch, params.temperature), snapshot));
      batch.sequenceIndices.forEach((index, row) => {
        visit(index, rows.subarray(batch.offsets[row] * vocabSize, batch.offsets[row + 1] * vocabSize));
      });
    }
  }

  /** Computes log-probability rows [M, V] with the current weights or those of a snapshot. */
  async #rows(batch: Batch, feeds: Readonly<Record<string, Tensor>>, snapshot?: SnapshotId): Promise<Tensor> {
    const session = await this.#sessions.sequence({ gradients: false, kl: false, rows: true });
    const outputs = await session.run({ ...this.#parameters.tensors(snapshot), ...feeds }, ['rows']);
    const rows = outputs.rows;
    if (!rows) throw new EngineError(`engine onnx: no log-probability rows for a batch of ${batch.rows}`);
    return rows;
  }

  #pack(sequences: readonly Sequence[]): Batch[] {
    for (const sequence of sequences) checkSequence(sequence, this.#sessions.config);
    return packBatches(sequences, { tokenBudget: this.#tokenBudget });
  }

  #feeds(batch: Batch, temperature: number): Record<string, Tensor> {
    const { runtime } = this.#sessions;
    return {
      ...this.#sessions.attentionFeeds(batch),
      tokens: runtime.int64(batch.tokens, [batch.rows, batch.length]),
      indices: runtime.int64(batch.indices, [batch.indices.length]),
      targets: runtime.int64(batch.targets, [batch.targets.length]),
      inverse_temperature: runtime.float32(Float32Array.of(1 / temperature), []),
    };
  }

  #gradientFeeds(batch: Batch, cotangents: readonly ArrayLike<number>[]): Record<string, Tensor> {
    const { runtime } = this.#sessions;
    const flat = new Float32Array(batch.indices.length);
    batch.sequenceIndices.forEach((index, row) => {
      flat.set(Float32Array.from(cotangents[index]), batch.offsets[row]);
    });
    return {
      inverse: runtime.int64(batch.inverse, [batch.inverse.length]),
      cotangents: runtime.float32(flat, [flat.length]),
    };
  }
}

/** Returns one row of zeros per sequence, as long as the sequence's message. */
export function emptyRows(sequences: readonly Sequence[]): Float32Array[] {
  return sequences.map((sequence) => new Float32Array(sequence.tokens.length));
}

/** Copies a batch's flat results [M] to the rows of their sequences. */
export function scatterRows(batch: Batch, flat: Float32Array, into: Float32Array[]): void {
  batch.sequenceIndices.forEach((index, row) => {
    into[index].set(flat.subarray(batch.offsets[row], batch.offsets[row + 1]));
  });
}
