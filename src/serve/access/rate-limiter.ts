/**
 * Limits per API key: requests per minute, as a token bucket that admits short bursts, and concurrent requests.
 * @module
 */
import { ApiError } from '../api/errors.ts';

export interface RateLimits {
  /** Infinity: no limit. */
  readonly requestsPerMinute: number;
  /** Maximum number of concurrent requests; Infinity: no limit. */
  readonly concurrency: number;
}

interface Bucket {
  /** Number of requests that may start immediately. */
  tokens: number;
  /** Time at which `tokens` was computed, milliseconds. */
  updatedAt: number;
  running: number;
}

/** Number of buckets above which the buckets of idle keys are deleted. */
const MAX_BUCKETS = 10_000;

export class RateLimiter {
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** @param now - returns the time of a monotonic clock, milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Counts a request against the limits of its key.
   *
   * @returns the rate limit headers of the response, and a function that the caller must call when the
   *   request ends
   * @throws ApiError (429) with the seconds until the key may start another request
   */
  acquire(
    key: string,
    { requestsPerMinute, concurrency }: RateLimits,
  ): { readonly release: () => void; readonly headers: Readonly<Record<string, string>> } {
    const bucket = this.#refilledBucket(key, requestsPerMinute);
    const headers = (): Record<string, string> =>
      Number.isFinite(requestsPerMinute)
        ? {
            'x-ratelimit-limit-requests': String(requestsPerMinute),
            'x-ratelimit-remaining-requests': String(Math.floor(bucket.tokens)),
            'x-ratelimit-reset-requests': `${Math.ceil(((requestsPerMinute - bucket.tokens) * 60) / requestsPerMinute)}s`,
          }
        : {};
    if (bucket.running >= concurrency)
      throw limitExceeded(
        `too many concurrent requests: the limit of this key is ${concurrency}`,
        1,
        headers(),
      );
    if (bucket.tokens < 1) {
      const seconds = Math.max(1, Math.ceil(((1 - bucket.tokens) * 60) / requestsPerMinute));
      throw limitExceeded(
        `too many requests: the limit of this key is ${requestsPerMinute} per minute`,
        seconds,
        headers(),
      );
    }
    if (Number.isFinite(requestsPerMinute)) bucket.tokens--;
    bucket.running++;
    let isOver = false;
    return {
      headers: headers(),
      release: () => {
        if (!isOver) bucket.running--;
        isOver = true;
      },
    };
  }

  #refilledBucket(key: string, perMinute: number): Bucket {
    const now = this.#now();
    const capacity = Number.isFinite(perMinute) ? Math.max(1, perMinute) : 1;
    const bucket = this.#buckets.get(key) ?? { tokens: capacity, updatedAt: now, running: 0 };
    const refill = Number.isFinite(perMinute) ? ((now - bucket.updatedAt) * perMinute) / 60_000 : capacity;
    bucket.tokens = Math.min(capacity, bucket.tokens + refill);
    bucket.updatedAt = now;
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > MAX_BUCKETS) this.#deleteIdle(now);
    return bucket;
  }

  /**
   * Deletes the buckets of keys that were idle for a minute. They are full by then, and so is a new bucket.
   */
  #deleteIdle(now: number): void {
    for (const [key, { updatedAt, running }] of this.#buckets)
      if (running === 0 && now - updatedAt > 60_000) this.#buckets.delete(key);
  }
}

function limitExceeded(
  message: string,
  retryAfter: number,
  headers: Readonly<Record<string, string>>,
): ApiError {
  return new ApiError(message, {
    status: 429,
    type: 'rate_limit_error',
    code: 'rate_limit_exceeded',
    retryAfter,
    headers,
  });
}
