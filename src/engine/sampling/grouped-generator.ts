/**
 * Serving in static batches, for policies that cannot add a message to a running batch: waiting requests with equal
 * keys form a group, and the next group starts when all messages of the current one have ended. Groups start in
 * the order of their oldest request. Engines with continuous batching do not use this class.
 * @see batch-generator.ts, whole-message-generator.ts
 * @module
 */
import { EngineError } from '../../support/errors.ts';
import type {
  Generation,
  GenerationRequest,
  GeneratorLoad,
  GeneratorOptions,
  MessageGenerator,
} from '../generation.ts';

/** A request of a group that waits for its generation. */
export interface PendingGeneration {
  readonly request: GenerationRequest;
  readonly settle: (outcome: Generation | { readonly error: unknown }) => void;
}

/** Callbacks for a group that is being decoded. */
export interface GroupProgress {
  /** Throws if the generator was closed. @throws EngineError */
  requireOpen(): void;
  /** Adds to the generator's number of drawn tokens. */
  countTokens(tokens: number): void;
}

export interface GroupedParts {
  /** Returns the key of a request's group. Requests with equal keys can be decoded together. */
  readonly groupKey: (request: GenerationRequest) => string | number;
  /**
   * Decodes a group, and resolves or rejects (settles) the promise of each of its messages. If it throws, the
   * messages that are not settled are rejected with the error.
   */
  readonly decode: (group: readonly PendingGeneration[], progress: GroupProgress) => Promise<void>;
  /** Maximum length of context plus message, tokens. */
  readonly maxPositions: number;
  /** Validates a request. @throws EngineError if the policy cannot serve it */
  readonly check?: (request: GenerationRequest) => void;
}

const MAX_BATCH = 32;

export class GroupedGenerator implements MessageGenerator {
  readonly #parts: GroupedParts;
  readonly #maxBatch: number;
  readonly #waiting: PendingGeneration[] = [];
  #running = 0;
  #drawn = 0;
  #work: Promise<void> | undefined;
  #closed = false;

  constructor(parts: GroupedParts, { maxBatch = MAX_BATCH }: GeneratorOptions = {}) {
    this.#parts = parts;
    this.#maxBatch = maxBatch;
  }

  async generate(request: GenerationRequest): Promise<Generation> {
    const { context, signal } = request;
    this.#requireOpen();
    signal?.throwIfAborted();
    this.#parts.check?.(request);
    if (context.length >= this.#parts.maxPositions)
      throw new EngineError(
        `engine: a context of ${context.length} tokens leaves no room for a message; the model takes ${this.#parts.maxPositions}`,
        { code: 'TROUPE_ENGINE_CONTEXT' },
      );
    return new Promise((resolve, reject) => {
      const message: PendingGeneration = {
        request,
        settle: (outcome) => {
          signal?.removeEventListener('abort', onAbort);
          if ('error' in outcome) reject(outcome.error);
          else resolve(outcome);
        },
      };
      // an abort rejects a queued request at once, and an in-flight one at its next token
      const onAbort = (): void => {
        if (this.#dequeue(message)) message.settle({ error: signal?.reason });
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(message);
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
    // wait one microtask, so that requests of the same event-loop turn form one group
    await Promise.resolve();
    const progress: GroupProgress = {
      requireOpen: () => this.#requireOpen(),
      countTokens: (tokens) => {
        this.#drawn += tokens;
      },
    };
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      this.#running = group.length;
      try {
        this.#requireOpen();
        await this.#parts.decode(group, progress);
      } catch (error) {
        // a second call has no effect on a message whose promise is already settled
        for (const message of group) message.settle({ error });
      }
      this.#running = 0;
    }
    this.#work = undefined;
  }

  /** Removes the oldest request, and other requests with the same key, from the queue. */
  #takeGroup(): PendingGeneration[] {
    const { groupKey } = this.#parts;
    const [oldest] = this.#waiting;
    if (oldest === undefined) return [];
    const key = groupKey(oldest.request);
    const group = this.#waiting.filter(({ request }) => groupKey(request) === key).slice(0, this.#maxBatch);
    for (const message of group) this.#dequeue(message);
    return group;
  }

  /** Removes a message from the queue. @returns whether it was in the queue */
  #dequeue(message: PendingGeneration): boolean {
    const at = this.#waiting.indexOf(message);
    if (at >= 0) this.#waiting.splice(at, 1);
    return at >= 0;
  }

  #requireOpen(): void {
    if (!this.#closed) return;
    throw new EngineError('engine: expected an open model, got one that was closed', {
      code: 'TROUPE_ENGINE_CLOSED',
    });
  }
}
