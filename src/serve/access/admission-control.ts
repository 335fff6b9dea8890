/**
 * Admission control for generation requests. At most `maxRunning` requests run and at most `maxWaiting`
 * requests wait in a queue, in which API keys take turns. Every further request gets a 429 with `Retry-After`
 * at once. Without these limits, all requests of an overloaded server would time out.
 * @module
 */
import { FairQueue } from '../../support/fair-queue.ts';
import { ApiError } from '../api/errors.ts';

export interface AdmissionOptions {
  readonly maxRunning: number;
  readonly maxWaiting: number;
  /** Monotonic clock, milliseconds. */
  readonly now?: () => number;
}

interface Waiter {
  readonly admit: () => void;
}

/** Weight of the latest request in the moving average of durations. */
const SMOOTHING = 0.1;

export class AdmissionControl {
  readonly #options: AdmissionOptions;
  readonly #now: () => number;
  readonly #queue = new FairQueue<Waiter>();
  #running = 0;
  /** Moving average of request durations, milliseconds; undefined before the first request ended. */
  #meanMs: number | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * Waits until the request may run.
   *
   * @param key - identifies the client: its API key or its address. Clients take turns in the queue.
   * @param cost - expected work, > 0, in any unit that all requests share
   * @returns a function that the caller must call when the request ends
   * @throws ApiError (429) if the queue is full; the signal's reason if it aborts
   */
  async acquire(key: string, cost: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#running < this.#options.maxRunning) return this.#start();
    if (this.#queue.size >= this.#options.maxWaiting)
      throw new ApiError(
        `the server is busy: ${this.#running} requests are running and ${this.#queue.size} waiting`,
        {
          status: 429,
          type: 'rate_limit_error',
          code: 'server_busy',
          retryAfter: this.#waitSeconds(),
        },
      );
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#queue.remove(waiter);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        admit: () => {
          signal.removeEventListener('abort', leave);
          resolve(this.#start());
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#queue.push(key, waiter, cost);
    });
  }

  #start(): () => void {
    this.#running++;
    const start = this.#now();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const ms = this.#now() - start;
      this.#meanMs = this.#meanMs === undefined ? ms : this.#meanMs + SMOOTHING * (ms - this.#meanMs);
      this.#running--;
      this.#queue.shift()?.admit();
    };
  }

  /** Expected wait of a request at the end of the queue, from 1 to 60 seconds. */
  #waitSeconds(): number {
    const rounds = (this.#queue.size + 1) / this.#options.maxRunning;
    return Math.min(60, Math.max(1, Math.ceil((rounds * (this.#meanMs ?? 1000)) / 1000)));
  }
}
