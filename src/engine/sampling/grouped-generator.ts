/**
 * Generation group by group, for policies that cannot let a message join a batch under way: requests of a kind
 * that wait together are decoded together to the last token, then the next ones start.
 * Engines with a continuous batch of their own do better; here fairness is between groups.
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

/** One message of a group. */
export interface GroupMessage {
  readonly request: GenerationRequest;
  readonly settle: (outcome: Generation | { readonly error: unknown }) => void;
}

/** What a group that is being decoded asks and tells. */
export interface GroupProgress {
  /** @throws EngineError once the generator was closed */
  requireOpen(): void;
  countTokens(tokens: number): void;
}

export interface GroupedParts {
  /** Requests with equal kinds may be decoded together. */
  readonly groupKey: (request: GenerationRequest) => string | number;
  /** Settles every message of a group; what it throws settles those that are left. */
  readonly decode: (group: readonly GroupMessage[], progress: GroupProgress) => Promise<void>;
  /** Largest context plus message, tokens. */
  readonly maxPositions: number;
  /** @throws EngineError for a request that it cannot serve */
  readonly check?: (request: GenerationRequest) => void;
}

const MAX_BATCH = 32;

export class GroupedGenerator implements MessageGenerator {
  readonly #parts: GroupedParts;
  readonly #maxBatch: number;
  readonly #waiting: GroupMessage[] = [];
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
      const message: GroupMessage = {
        request,
        settle: (outcome) => {
          signal?.removeEventListener('abort', leave);
          if ('error' in outcome) reject(outcome.error);
          else resolve(outcome);
        },
      };
      // whoever waits for others to end is let go at once; those under way at their next token
      const leave = (): void => {
        if (this.#stopWaiting(message)) message.settle({ error: signal?.reason });
      };
      signal?.addEventListener('abort', leave, { once: true });
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
    await Promise.resolve(); // requests made in one breath go together
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
        for (const message of group) message.settle({ error }); // those that ended before are settled already
      }
      this.#running = 0;
    }
    this.#work = undefined;
  }

  /** The oldest request and others of its kind. */
  #takeGroup(): GroupMessage[] {
    const { groupKey } = this.#parts;
    const [oldest] = this.#waiting;
    if (oldest === undefined) return [];
    const kind = groupKey(oldest.request);
    const group = this.#waiting.filter(({ request }) => groupKey(request) === kind).slice(0, this.#maxBatch);
    for (const message of group) this.#stopWaiting(message);
    return group;
  }

  /** @returns whether it waited */
  #stopWaiting(message: GroupMessage): boolean {
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
