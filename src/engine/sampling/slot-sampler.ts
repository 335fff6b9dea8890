/**
 * Batched sampling through a {@link DecodeBatch}: a fixed number of slots, each holding one message in the
 * making; the moment a message ends its slot is refilled from the queue. Draws come from each request's own
 * stream, so the schedule changes nothing.
 * @module
 */
import type { DecodeBatch, LogitsRow } from '../decode-batch.ts';
import type { Completion, SampleRequest, SamplingParams } from '../engine.ts';
import { drawToken } from './draw-token.ts';

/** A slot of the batch and the message it is writing. */
interface Slot {
  readonly request: number;
  readonly limit: number;
  readonly tokens: number[];
  readonly logp: number[];
}

export interface SlotRules {
  /** Slots of the batch when it is new. */
  readonly slots: number;
  readonly endTokens: readonly number[];
  /** Largest context plus message, tokens. */
  readonly maxPositions: number;
}

/**
 * One completion per request, in request order.
 *
 * @param batch - its `load` knows each request's context by the request's index
 * @param requests - contexts shorter than `rules.maxPositions`
 */
export function sampleSlots(
  batch: DecodeBatch,
  requests: readonly SampleRequest[],
  { params, rules }: { readonly params: SamplingParams; readonly rules: SlotRules },
): Promise<Completion[]> {
  return new SlotRun(batch, requests, { params, rules }).finish();
}

/** From the first refill to the last message. */
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

  /** Gives every free slot the next message; one that ends with its first token frees it again. */
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

  /** With nothing left to start, drops free slots once they are half of the batch. */
  #compact(): void {
    const live = this.#slots.flatMap((slot, index) => (slot ? [index] : []));
    if (live.length === 0 || live.length > this.#slots.length / 2) return;
    this.#batch.keep(live);
    this.#slots = live.map((index) => this.#slots[index]);
  }

  /** Draws the next token of a slot from softmax(logits / temperature) by inverting the cumulative sum. */
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
