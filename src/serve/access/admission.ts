/**
 * The door: so many requests are worked on at once, so many more may wait, keys take turns, and the rest are
 * told at once when to come again. Without it a crowd would make everybody time out.
 * @module
 */
import { FairQueue } from '../../support/fair-queue.ts';
import { ApiError } from '../api/errors.ts';

export interface AdmissionOptions {
  readonly maxRunning: number;
  readonly maxWaiting: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

interface Waiter {
  readonly admit: () => void;
}

/** Weight of the newest request in the mean time of one. */
const NEWEST = 0.1;

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #now: () => number;
  readonly #queue = new FairQueue<Waiter>();
  #running = 0;
  /** Mean time of a request, milliseconds; undefined before the first is over. */
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
   * Waits for a place.
   *
   * @param cost - work it will be, in any unit that is the same for all
   * @returns what to call when it is over
   * @throws ApiError (429) when the queue is full; the signal's reason when it aborts
   */
  async enter(key: string, cost: number, signal: AbortSignal): Promise<() => void> {
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
      this.#meanMs = this.#meanMs === undefined ? ms : this.#meanMs + NEWEST * (ms - this.#meanMs);
      this.#running--;
      this.#queue.shift()?.admit();
    };
  }

  /** When a request that came last would start, from 1 to 60 seconds. */
  #waitSeconds(): number {
    const rounds = (this.#queue.size + 1) / this.#options.maxRunning;
    return Math.min(60, Math.max(1, Math.ceil((rounds * (this.#meanMs ?? 1000)) / 1000)));
  }
}
