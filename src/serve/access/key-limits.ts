/**
 * How much one key may ask for: requests per minute (a token bucket, so that a short burst is fine) and
 * requests at once.
 * @module
 */
import { ApiError } from '../api/errors.ts';

export interface KeyLimitOptions {
  /** Infinity: no limit. */
  readonly requestsPerMinute: number;
  readonly concurrency: number;
}

interface Bucket {
  tokens: number;
  /** Milliseconds of the clock when `tokens` was right. */
  at: number;
  running: number;
}

/** Keys that are idle and whose bucket is full are forgotten once there are more than this. */
const MOST_BUCKETS = 10_000;

export class KeyLimits {
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** @param now - milliseconds of a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Counts a request in.
   *
   * @returns what to call when it is over, and headers that tell what is left
   * @throws ApiError (429) with the seconds until there is room
   */
  enter(
    key: string,
    { requestsPerMinute, concurrency }: KeyLimitOptions,
  ): { readonly leave: () => void; readonly headers: Readonly<Record<string, string>> } {
    const bucket = this.#bucket(key, requestsPerMinute);
    const headers = (): Record<string, string> =>
      Number.isFinite(requestsPerMinute)
        ? {
            'x-ratelimit-limit-requests': String(requestsPerMinute),
            'x-ratelimit-remaining-requests': String(Math.floor(bucket.tokens)),
            'x-ratelimit-reset-requests': `${Math.ceil(((requestsPerMinute - bucket.tokens) * 60) / requestsPerMinute)}s`,
          }
        : {};
    if (bucket.running >= concurrency)
      throw limited(`too many requests at once: this key may have ${concurrency}`, 1, headers());
    if (bucket.tokens < 1) {
      const seconds = Math.max(1, Math.ceil(((1 - bucket.tokens) * 60) / requestsPerMinute));
      throw limited(
        `too many requests: this key may send ${requestsPerMinute} per minute`,
        seconds,
        headers(),
      );
    }
    if (Number.isFinite(requestsPerMinute)) bucket.tokens--;
    bucket.running++;
    let isOver = false;
    return {
      headers: headers(),
      leave: () => {
        if (!isOver) bucket.running--;
        isOver = true;
      },
    };
  }

  #bucket(key: string, perMinute: number): Bucket {
    const now = this.#now();
    const full = Number.isFinite(perMinute) ? Math.max(1, perMinute) : 1;
    const bucket = this.#buckets.get(key) ?? { tokens: full, at: now, running: 0 };
    const earned = Number.isFinite(perMinute) ? ((now - bucket.at) * perMinute) / 60_000 : full;
    bucket.tokens = Math.min(full, bucket.tokens + earned);
    bucket.at = now;
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > MOST_BUCKETS) this.#forget(now);
    return bucket;
  }

  /** An idle minute fills any bucket. */
  #forget(now: number): void {
    for (const [key, { at, running }] of this.#buckets)
      if (running === 0 && now - at > 60_000) this.#buckets.delete(key);
  }
}

function limited(message: string, retryAfter: number, headers: Readonly<Record<string, string>>): ApiError {
  return new ApiError(message, {
    status: 429,
    type: 'rate_limit_error',
    code: 'rate_limit_exceeded',
    retryAfter,
    headers,
  });
}
