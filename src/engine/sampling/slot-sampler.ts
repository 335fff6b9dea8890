/**
 * Batched sampling through a {@link DecodeBatch} with a fixed number of slots. When a message ends, its slot is
 * refilled from the queue at once. Each request draws from its own random stream, so the schedule does not change
 * the messages.
 * @module
 */
import type { DecodeBatch, LogitsRow } from '../decode-batch.ts';
import type { Completion, SampleRequest, SamplingParams } from '../engine.ts';
import { drawToken } from './draw-token.ts';

/** A slot of the batch and the tokens of its message so far. */
interface Slot {
  readonly request: number;
  readonly limit: number;
  readonly tokens: number[];
  readonly logp: number[];
}

export interface SlotRules {
  /** Initial number of slots of the batch. */
  readonly slots: number;
  readonly endTokens: readonly number[];
  /** Maximum length of context plus message, tokens. */
  readonly maxPositions: number;
}

/**
 * Samples one completion per request; the result is in request order.
 *
 * @param batch - a batch that was opened with the requests' contexts, in the same order
 * @param requests - contexts shorter than `rules.maxPositions`
 */
export function sampleSlots(
  batch: DecodeBatch,
  requests: readonly SampleRequest[],
  { params, rules }: { readonly params: SamplingParams; readonly rules: SlotRules },
): Promise<Completion[]> {
  return new SlotRun(batch, requests, { params, rules }).finish();
}

/** State of one call of {@link sampleSlots}. */
class SlotRun {
  readonly #batch: DecodeBatch;
  readonly #requests: readonly SampleRequest[];
  readonly #params: SamplingParams;
  readonly #maxPositions: number;
  readonly #completions: Completion[] = [];
  readonly #ends: ReadonlySet<number>;
  #slots: (Slot | undefined)[];
  #next = 0;

  constructor(
    batch: DecodeBatch,
    requests: readonly SampleRequest[],
    { params, rules }: { readonly params: SamplingParams; readonly rules: SlotRules },
  ) {
    this.#batch = batch;
    this.#requests = requests;
    this.#params = params;
    this.#maxPositions = rules.maxPositions;
    this.#slots = new Array<Slot | undefined>(rules.slots).fill(undefined);
    this.#ends = new Set(rules.endTokens);
  }

  async finish(): Promise<Completion[]> {
    await this.#refill();
    while (this.#slots.some((slot) => slot !== undefined)) {
      this.#params.signal?.throwIfAborted();
      const logits = await this.#batch.step(this.#slots.map((slot) => slot?.tokens.at(-1) ?? 0));
      this.#slots.forEach((slot, index) => {
        if (slot) this.#draw(index, slot, { logits, row: index });
      });
      if (this.#next < this.#requests.length) await this.#refill();
      else this.#compact();
    }
    return this.#completions;
  }

  /**
   * Loads the next requests into the free slots. A slot is loaded again if its message ends with the first
   * token.
   */
  async #refill(): Promise<void> {
    for (let index = 0; index < this.#slots.length; index++)
      while (this.#slots[index] === undefined && this.#next < this.#requests.length) {
        this.#params.signal?.throwIfAborted();
        const request = this.#next++;
        const { length } = (this.#requests[request] as SampleRequest).context;
        const limit = Math.min(this.#params.maxTokens, this.#maxPositions - length);
        const slot: Slot = { request, limit, tokens: [], logp: [] };
        this.#slots[index] = slot;
        this.#draw(index, slot, await this.#batch.load(index, request));
      }
  }

  /** Drops the free slots if at least half of the slots are free and the queue is empty. */
  #compact(): void {
    const live = this.#slots.flatMap((slot, index) => (slot ? [index] : []));
    if (live.length === 0 || live.length > this.#slots.length / 2) return;
    this.#batch.keep(live);
    this.#slots = live.map((index) => this.#slots[index]);
  }

  /** Draws the next token of a slot from softmax(logits / temperature). */
  #draw(index: number, slot: Slot, from: LogitsRow): void {
    const { request, tokens, logp } = slot;
    const { stream } = this.#requests[request] as SampleRequest;
    const { vocabSize } = this.#batch;
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
    this.#batch.clear(index);
    this.#params.onCompletion?.(request, completion);
  }
}
