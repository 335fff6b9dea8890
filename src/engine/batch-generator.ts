/**
 * Generation through a {@link DecodeBatch}, for policies made of several models: requests that wait together are
 * decoded together to the last token, then the next ones start. Engines with a continuous batch of their own
 * do better; here fairness is between batches.
 * @module
 */
import { EngineError } from '../support/errors.ts';
import type { DecodeBatch } from './decode-batch.ts';
import { drawFiltered, rankTokens } from './draw-filtered.ts';
import type {
  Generation,
  GenerationRequest,
  GeneratorLoad,
  GeneratorOptions,
  MessageGenerator,
} from './generation.ts';

export interface BatchGeneratorParts {
  /** The batch for some contexts at a temperature; a greedy draw takes the likeliest of temperature 1. */
  readonly open: (contexts: readonly Int32Array[], temperature: number) => Promise<DecodeBatch>;
  readonly endTokens: readonly number[];
  /** Largest context plus message, tokens. */
  readonly maxPositions: number;
}

interface Message {
  readonly request: GenerationRequest;
  readonly tokens: number[];
  readonly logp: number[];
  readonly settle: (outcome: Generation | { readonly error: unknown }) => void;
}

const MAX_BATCH = 32;

export class BatchGenerator implements MessageGenerator {
  readonly #parts: BatchGeneratorParts;
  readonly #maxBatch: number;
  readonly #waiting: Message[] = [];
  #running = 0;
  #drawn = 0;
  #work: Promise<void> | undefined;
  #closed = false;

  constructor(parts: BatchGeneratorParts, { maxBatch = MAX_BATCH }: GeneratorOptions = {}) {
    this.#parts = parts;
    this.#maxBatch = maxBatch;
  }

  async generate(request: GenerationRequest): Promise<Generation> {
    const { context, signal } = request;
    if (this.#closed) throw closedError();
    signal?.throwIfAborted();
    if (context.length >= this.#parts.maxPositions)
      throw new EngineError(
        `engine: a context of ${context.length} tokens leaves no room for a message; the model takes ${this.#parts.maxPositions}`,
        { code: 'TROUPE_ENGINE_CONTEXT' },
      );
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        request,
        tokens: [],
        logp: [],
        settle: (outcome) => ('error' in outcome ? reject(outcome.error) : resolve(outcome)),
      });
      this.#work ??= this.#run();
    });
  }

  load(): GeneratorLoad {
    return { running: this.#running, waiting: this.#waiting.length, tokens: this.#drawn, cacheBytes: 0 };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#work;
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // requests made in one breath go together
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      this.#running = group.length;
      try {
        if (this.#closed) throw closedError();
        await this.#decode(group);
      } catch (error) {
        for (const message of group) message.settle({ error }); // those that ended before are settled already
      }
      this.#running = 0;
    }
    this.#work = undefined;
  }

  /** The oldest request and others of its temperature. */
  #takeGroup(): Message[] {
    const temperature = this.#waiting[0]?.request.temperature;
    const group = this.#waiting
      .filter(({ request }) => request.temperature === temperature)
      .slice(0, this.#maxBatch);
    for (const message of group) this.#waiting.splice(this.#waiting.indexOf(message), 1);
    return group;
  }

  async #decode(group: readonly Message[]): Promise<void> {
    const contexts = group.map(({ request }) => request.context);
    const batch = await this.#parts.open(contexts, group[0]?.request.temperature || 1);
    let live: (Message | undefined)[] = [...group];
    for (const [slot, message] of group.entries()) {
      const { logits, row } = await batch.load(slot, slot);
      if (this.#advance(message, rowOf(logits, row, batch.vocabSize))) {
        live[slot] = undefined;
        batch.clear(slot);
      }
    }
    while (live.some((message) => message !== undefined)) {
      if (this.#closed) throw closedError();
      const logits = await batch.step(live.map((message) => message?.tokens.at(-1) ?? 0));
      for (const [slot, message] of live.entries())
        if (message && this.#advance(message, rowOf(logits, slot, batch.vocabSize))) {
          live[slot] = undefined;
          batch.clear(slot);
        }
      const kept = live.flatMap((message, slot) => (message ? [slot] : []));
      if (kept.length > 0 && kept.length <= live.length / 2) {
        batch.keep(kept);
        live = kept.map((slot) => live[slot]);
      }
    }
  }

  /** Draws one token. @returns whether the message is over */
  #advance(message: Message, logits: Float32Array): boolean {
    const { request, tokens, logp, settle } = message;
    const { temperature, topP, stream, topLogprobs, context } = request;
    if (request.signal?.aborted) {
      settle({ error: request.signal.reason });
      return true;
    }
    let goesOn: boolean | undefined;
    try {
      const drawn = drawFiltered(logits, { temperature, topP, uniform: () => stream.uniform() });
      tokens.push(drawn.token);
      logp.push(drawn.logp);
      this.#drawn++;
      const ranked = topLogprobs !== undefined && { ranked: rankTokens(logits, drawn.token, topLogprobs) };
      goesOn = request.onToken?.({ ...drawn, ...ranked });
    } catch (error) {
      settle({ error }); // this message's own fault: the others go on
      return true;
    }
    const limit = Math.min(request.maxTokens, this.#parts.maxPositions - context.length);
    const stopped = goesOn === false || this.#parts.endTokens.includes(tokens.at(-1) as number);
    if (!stopped && tokens.length < limit) return false;
    settle({
      tokens: Int32Array.from(tokens),
      logp: Float32Array.from(logp),
      finish: stopped ? 'stop' : 'length',
    });
    return true;
  }
}

function rowOf(logits: Float32Array, row: number, vocabSize: number): Float32Array {
  return logits.subarray(row * vocabSize, (row + 1) * vocabSize);
}

function closedError(): EngineError {
  return new EngineError('engine: expected an open model, got one that was closed', {
    code: 'TROUPE_ENGINE_CLOSED',
  });
}
