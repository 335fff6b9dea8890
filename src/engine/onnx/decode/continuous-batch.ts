/**
 * Continuous batching: requests join the running batch between two decode steps and leave it at their last
 * token, so no request waits for the longest one. ONNX Runtime computes on the event loop's thread, and
 * control returns to the event loop after every graph run. So a server is blocked for at most the time that
 * one layer of one decode step takes.
 * @see sampler.ts for batches whose requests are all known in advance
 * @see Yu et al., "Orca: a distributed serving system for transformer-based generative models", OSDI 2022
 * @module
 */
import { EngineError } from '../../../support/errors.ts';
import { FairQueue } from '../../../support/fair-queue.ts';
import type {
  Generation,
  GenerationRequest,
  GeneratorLoad,
  GeneratorOptions,
  MessageGenerator,
} from '../../generation.ts';
import { drawFiltered, rankTokens } from '../../sampling/draw-filtered.ts';
import { checkContext } from '../score/sequence-check.ts';
import type { PrefilledStates } from './kv-cache.ts';
import { type PrefillParts, runContexts } from './prefill.ts';
import { ServingKvCache } from './serving-kv-cache.ts';
import { StepRunner } from './step-runner.ts';

export interface ContinuousBatchParts extends PrefillParts {
  readonly endTokens: readonly number[];
}

/** A queued or in-flight message. */
interface PendingGeneration {
  readonly request: GenerationRequest;
  readonly limit: number;
  readonly tokens: number[];
  readonly logp: number[];
  readonly settle: (outcome: Generation | { readonly error: unknown }) => void;
}

const DEFAULTS: Required<GeneratorOptions> = {
  maxBatch: 64,
  maxCacheBytes: 2 ** 30,
  prefillTokens: 2048,
};

const DEFAULT_KEY = '';

/** The embedded engine's generator for serving. */
export class ContinuousBatch implements MessageGenerator {
  readonly #parts: ContinuousBatchParts;
  readonly #options: Required<GeneratorOptions>;
  readonly #ends: ReadonlySet<number>;
  readonly #waiting = new FairQueue<PendingGeneration>();
  readonly #cache: ServingKvCache;
  /** In-flight messages; message i occupies row i of the cache. */
  readonly #rows: PendingGeneration[] = [];
  #stepRunner: StepRunner | undefined;
  #drawn = 0;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(parts: ContinuousBatchParts, options: GeneratorOptions = {}) {
    this.#parts = parts;
    this.#options = { ...DEFAULTS, ...options };
    this.#ends = new Set(parts.endTokens);
    this.#cache = new ServingKvCache(parts.sessions.config, this.#options.maxBatch);
  }

  async generate(request: GenerationRequest): Promise<Generation> {
    const { context, signal, fairKey = DEFAULT_KEY } = request;
    const { config } = this.#parts.sessions;
    this.#requireOpen();
    signal?.throwIfAborted();
    checkContext(context, config);
    if (context.length >= config.maxPositions)
      throw new EngineError(
        `engine onnx: a context of ${context.length} tokens leaves no room for a message; ` +
          `the model takes ${config.maxPositions} (max_position_embeddings)`,
        { code: 'TROUPE_ENGINE_CONTEXT' },
      );
    const limit = Math.min(request.maxTokens, config.maxPositions - context.length);
    return new Promise<Generation>((resolve, reject) => {
      const message: PendingGeneration = {
        request,
        limit,
        tokens: [],
        logp: [],
        settle: (outcome) => ('error' in outcome ? reject(outcome.error) : resolve(outcome)),
      };
      this.#waiting.push(fairKey, message, context.length + limit);
      this.#running ??= this.#run();
    });
  }

  load(): GeneratorLoad {
    return {
      running: this.#rows.length,
      waiting: this.#waiting.size,
      tokens: this.#drawn,
      cacheBytes: this.#cache.sizeBytes,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  /**
   * Decodes until no message is queued or in-flight. An engine error rejects all queued and in-flight
   * messages.
   */
  async #run(): Promise<void> {
    try {
      // wait one microtask, so that requests of the same event-loop turn are admitted together
      await Promise.resolve();
      while (this.#waiting.size + this.#rows.length > 0) {
        this.#requireOpen();
        this.#dropAborted();
        await this.#admit();
        if (this.#rows.length > 0) await this.#step();
      }
    } catch (error) {
      for (const message of [...this.#waiting.items(), ...this.#rows]) message.settle({ error });
      while (this.#waiting.shift()) {} // all are settled
      while (this.#rows.length > 0) this.#removeRow(this.#rows.length - 1);
    } finally {
      this.#running = undefined;
    }
  }

  #dropAborted(): void {
    for (const message of this.#waiting.items()) if (settleIfAborted(message)) this.#waiting.remove(message);
    for (let row = this.#rows.length - 1; row >= 0; row--)
      if (settleIfAborted(this.#rows[row] as PendingGeneration)) this.#removeRow(row);
  }

  /**
   * Prefills the contexts of a group of queued messages, and draws the first token of each message. Equal
   * contexts are prefilled once.
   */
  async #admit(): Promise<void> {
    const group: PendingGeneration[] = [];
    const rowOf = new Map<string, number>();
    const contexts: Int32Array[] = [];
    let length = 0;
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      const { context } = next.request;
      const key = context.join();
      const padded = Math.max(length, context.length);
      const runs = contexts.length + (rowOf.has(key) ? 0 : 1);
      if (group.length > 0 && padded * runs > this.#options.prefillTokens) break;
      if (!this.#hasRoom(next, group)) break;
      this.#waiting.shift();
      if (!rowOf.has(key)) rowOf.set(key, contexts.push(context) - 1);
      group.push(next);
      length = padded;
    }
    if (group.length === 0) return;
    let states: Omit<PrefilledStates, 'row'>;
    try {
      states = await runContexts(this.#parts, contexts, { length });
      this.#requireOpen();
    } catch (error) {
      // reject the group here, because its messages are no longer in the queue
      for (const message of group) message.settle({ error });
      throw error;
    }
    for (const message of group) {
      const row = rowOf.get(message.request.context.join()) as number;
      if (this.#draw(message, states.logits, row)) continue;
      this.#cache.add(message.request.context.length, { ...states, row });
      this.#rows.push(message);
    }
  }

  /**
   * Returns whether the cache has room for one more message. Every message counts with its maximum length, so
   * that an admitted message always completes.
   */
  #hasRoom(next: PendingGeneration, group: readonly PendingGeneration[]): boolean {
    const rows = this.#rows.length + group.length + 1;
    if (rows > this.#options.maxBatch) return false;
    const longest = [...this.#rows, ...group, next].reduce(
      (most, { request, limit }) => Math.max(most, request.context.length + limit),
      0,
    );
    return rows === 1 || this.#cache.bytesFor(rows, longest) <= this.#options.maxCacheBytes;
  }

  async #step(): Promise<void> {
    const runner = await this.#openStepRunner();
    const logits = await runner.step(this.#rows.map(({ tokens }) => tokens.at(-1) as number));
    this.#requireOpen();
    const ended = this.#rows.flatMap((message, row) => (this.#draw(message, logits, row) ? [row] : []));
    for (const row of ended.reverse()) this.#removeRow(row);
  }

  async #openStepRunner(): Promise<StepRunner> {
    const { sessions } = this.#parts;
    if (this.#stepRunner === undefined) {
      const steps = await sessions.steps();
      this.#stepRunner = new StepRunner({ ...this.#parts, steps }, this.#cache);
    }
    return this.#stepRunner;
  }

  /** Draws a message's next token from a row of logits [B, V]. @returns whether the message has ended */
  #draw(message: PendingGeneration, logits_BV: Float32Array, row: number): boolean {
    const { request, tokens, logp } = message;
    if (settleIfAborted(message)) return true;
    const { vocabSize } = this.#parts.sessions.config;
    const logits = logits_BV.subarray(row * vocabSize, (row + 1) * vocabSize);
    const { temperature, topP, stream, topLogprobs, fairKey = DEFAULT_KEY } = request;
    let goesOn: boolean | undefined;
    try {
      const drawn = drawFiltered(logits, { temperature, topP, uniform: () => stream.uniform() });
      tokens.push(drawn.token);
      logp.push(drawn.logp);
      this.#drawn++;
      goesOn = request.onToken?.(
        topLogprobs === undefined
          ? drawn
          : { ...drawn, ranked: rankTokens(logits, drawn.token, topLogprobs) },
      );
    } catch (error) {
      message.settle({ error }); // an error of one message must not affect the others
      return true;
    }
    // the callback onToken can abort the request, even at the last token
    if (settleIfAborted(message)) return true;
    const stopped = goesOn === false || this.#ends.has(tokens.at(-1) as number);
    if (!stopped && tokens.length < message.limit) return false;
    this.#waiting.charge(fairKey, tokens.length - message.limit);
    message.settle({
      tokens: Int32Array.from(tokens),
      logp: Float32Array.from(logp),
      finish: stopped ? 'stop' : 'length',
    });
    return true;
  }

  #removeRow(row: number): void {
    this.#cache.remove(row);
    const last = this.#rows.pop() as PendingGeneration;
    if (row < this.#rows.length) this.#rows[row] = last;
  }

  /** @throws EngineError if the generator was closed */
  #requireOpen(): void {
    if (!this.#closed) return;
    throw new EngineError('engine onnx: expected an open model, got one that was closed', {
      code: 'TROUPE_ENGINE_CLOSED',
    });
  }
}

/** Rejects a message whose signal is aborted. @returns whether the signal is aborted */
function settleIfAborted({ request: { signal }, settle }: PendingGeneration): boolean {
  if (!signal?.aborted) return false;
  settle({ error: signal.reason });
  return true;
}
