/**
 * A decode batch with a key/value cache. Equal contexts are prefilled once and copied into their slots; later tokens
 * are decoded one step at a time.
 * @module
 */
import type { DecodeBatch, LogitsRow } from '../../decode-batch.ts';
import type { Session } from '../graph/runtime.ts';
import type { Sessions } from '../sessions.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import { KvCache } from './kv-cache.ts';
import { PrefillQueue } from './prefill.ts';
import { StepRunner } from './step-runner.ts';

export interface DecodeBatchParts {
  readonly sessions: Sessions;
  readonly weights: WeightSource;
  /** Maximum number of tokens of one prefill run, including padding. */
  readonly tokenBudget: number;
}

/**
 * Opens a batch.
 *
 * @param contexts - contexts of all requests, in the order in which the requests enter the slots
 * @param slots - maximum number of messages that are decoded at the same time
 */
export async function openDecodeBatch(
  parts: DecodeBatchParts,
  contexts: readonly Int32Array[],
  slots: number,
): Promise<DecodeBatch> {
  const { sessions } = parts;
  const steps = await sessions.steps();
  return new CachedDecodeBatch({ ...parts, steps }, contexts, slots);
}

class CachedDecodeBatch implements DecodeBatch {
  readonly vocabSize: number;
  readonly #contexts: readonly Int32Array[];
  readonly #prefill: PrefillQueue;
  readonly #cache: KvCache;
  readonly #stepRunner: StepRunner;

  constructor(
    parts: DecodeBatchParts & { readonly steps: readonly Session[] },
    contexts: readonly Int32Array[],
    slots: number,
  ) {
    const { config } = parts.sessions;
    this.vocabSize = config.vocabSize;
    this.#contexts = contexts;
    this.#prefill = new PrefillQueue(parts, contexts);
    const longest = contexts.reduce((max, { length }) => Math.max(max, length), 0);
    this.#cache = new KvCache(config, slots, longest);
    this.#stepRunner = new StepRunner(parts, this.#cache);
  }

  async load(slot: number, request: number): Promise<LogitsRow> {
    const states = await this.#prefill.take(request);
    this.#cache.load(slot, this.#contexts[request].length, states);
    return states;
  }

  step(last: readonly number[]): Promise<Float32Array> {
    return this.#stepRunner.step(last);
  }

  clear(slot: number): void {
    this.#cache.clear(slot);
  }

  keep(slots: readonly number[]): void {
    this.#cache.keep(slots);
  }
}
