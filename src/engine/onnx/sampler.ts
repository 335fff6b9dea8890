/**
 * Batched sampling with a key/value cache: a fixed number of slots, each holding one message in the
 * making; the moment a message ends its slot is refilled from the queue. Equal contexts are run through
 * the model once and copied. Draws come from each request's own stream, so the schedule changes nothing.
 * @module
 */
import { EngineError } from '../../support/errors.ts';
import type { Completion, SampleRequest, SamplingParams } from '../engine.ts';
import { drawToken } from './draw-token.ts';
import { KvCache } from './kv-cache.ts';
import type { ParameterStore } from './parameter-store.ts';
import { PrefillQueue } from './prefill.ts';
import { checkContext } from './sequence-check.ts';
import type { Sessions } from './sessions.ts';
import { StepFeeds, type StepSessions } from './step-feeds.ts';

/** A slot of the batch and the message it is writing. */
interface Slot {
  readonly request: number;
  readonly limit: number;
  readonly tokens: number[];
  readonly logp: number[];
}

/** One row of logits [B, V]. */
interface LogitsRow {
  readonly logits: Float32Array;
  readonly row: number;
}

export interface SamplerParts {
  readonly sessions: Sessions;
  readonly parameters: ParameterStore;
  /** Slots decoded together. */
  readonly slots: number;
  readonly endTokens: readonly number[];
  /** Padded tokens of one prefill run. */
  readonly tokenBudget: number;
}

interface RunParts extends SamplerParts {
  readonly steps: StepSessions;
}

export class Sampler {
  readonly #parts: SamplerParts;

  constructor(parts: SamplerParts) {
    this.#parts = parts;
  }

  async sample(requests: readonly SampleRequest[], params: SamplingParams): Promise<Completion[]> {
    if (requests.length === 0) return [];
    const { sessions } = this.#parts;
    for (const { context } of requests) {
      checkContext(context, sessions.config);
      if (context.length >= sessions.config.maxPositions)
        throw new EngineError(
          `engine onnx: a context of ${context.length} tokens leaves no room for a message; ` +
            `the model takes ${sessions.config.maxPositions} (max_position_embeddings)`,
        );
    }
    const steps: StepSessions = {
      embed: await sessions.decode('embed'),
      layer: await sessions.decode('layer'),
      head: await sessions.decode('head'),
    };
    return new SamplingRun(requests, params, { ...this.#parts, steps }).finish();
  }
}

/** One call of `sample`, from the first refill to the last message. */
class SamplingRun {
  readonly #requests: readonly SampleRequest[];
  readonly #params: SamplingParams;
  readonly #parts: RunParts;
  readonly #contexts: PrefillQueue;
  readonly #cache: KvCache;
  readonly #completions: Completion[] = [];
  readonly #ends: ReadonlySet<number>;
  readonly #feeds: StepFeeds;
  #slots: (Slot | undefined)[];
  #next = 0;

  constructor(requests: readonly SampleRequest[], params: SamplingParams, parts: RunParts) {
    this.#requests = requests;
    this.#params = params;
    this.#parts = parts;
    const contexts = requests.map(({ context }) => context);
    this.#contexts = new PrefillQueue(parts, contexts);
    const slots = Math.min(parts.slots, requests.length);
    this.#slots = new Array<Slot | undefined>(slots).fill(undefined);
    this.#ends = new Set(parts.endTokens);
    const longest = contexts.reduce((max, { length }) => Math.max(max, length), 0);
    this.#cache = new KvCache(parts.sessions.config, slots, longest);
    this.#feeds = new StepFeeds(parts, this.#cache);
  }

  async finish(): Promise<Completion[]> {
    await this.#refill();
    while (this.#slots.some((slot) => slot !== undefined)) {
      this.#params.signal?.throwIfAborted();
      const logits = await this.#feeds.step(this.#slots.map((slot) => slot?.tokens.at(-1) ?? 0));
      this.#slots.forEach((slot, index) => {
        if (slot) this.#draw(index, slot, { logits, row: index });
      });
      if (this.#next < this.#requests.length) await this.#refill();
      else this.#compact();
    }
    return this.#completions;
  }

  /** Gives every free slot the next message; one that ends with its first token frees it again. */
  async #refill(): Promise<void> {
    for (let index = 0; index < this.#slots.length; index++)
      while (this.#slots[index] === undefined && this.#next < this.#requests.length) {
        this.#params.signal?.throwIfAborted();
        const request = this.#next++;
        const states = await this.#contexts.take(request);
        const { length } = (this.#requests[request] as SampleRequest).context;
        const limit = Math.min(this.#params.maxTokens, this.#parts.sessions.config.maxPositions - length);
        const slot: Slot = { request, limit, tokens: [], logp: [] };
        this.#slots[index] = slot;
        this.#cache.load(index, length, states);
        this.#draw(index, slot, states);
      }
  }

  /** With nothing left to start, drops free slots once they are half of the batch. */
  #compact(): void {
    const live = this.#slots.flatMap((slot, index) => (slot ? [index] : []));
    if (live.length === 0 || live.length > this.#slots.length / 2) return;
    this.#cache.keep(live);
    this.#slots = live.map((index) => this.#slots[index]);
  }

  /** Draws the next token of a slot from softmax(logits / temperature) by inverting the cumulative sum. */
  #draw(index: number, slot: Slot, from: LogitsRow): void {
    const { request, tokens, logp } = slot;
    const { stream } = this.#requests[request] as SampleRequest;
    const { vocabSize } = this.#parts.sessions.config;
    const logits = from.logits.subarray(from.row * vocabSize, (from.row + 1) * vocabSize);
    const drawn = drawToken(logits, this.#params.temperature, stream.uniform());
    tokens.push(drawn.token);
    logp.push(drawn.logp);
    const stopped = this.#ends.has(drawn.token);
    if (!stopped && tokens.length < slot.limit) return;
    const completion: Completion = {
      tokens: Int32Array.from(tokens),
      logp: Float32Array.from(logp),
      finish: stopped ? 'stop' : 'length',
    };
    this.#completions[request] = completion;
    this.#slots[index] = undefined;
    this.#cache.clear(index);
    this.#params.onCompletion?.(request, completion);
  }
}
