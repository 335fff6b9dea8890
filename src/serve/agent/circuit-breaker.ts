/**
 * Stops sending requests to an endpoint that keeps failing. After a number of consecutive failures the circuit opens
 * for a pause; then one trial request is sent. Each failed trial doubles the pause.
 * @see Nygard, "Release It!", 2nd ed., chapter 5
 * @module
 */

export interface CircuitBreakerOptions {
  /** Number of consecutive failures that opens the circuit. */
  readonly failures: number;
  /** Length of the first pause, milliseconds. */
  readonly pauseMs: number;
  readonly longestPauseMs: number;
  /** Returns the time of a monotonic clock, milliseconds. */
  readonly now: () => number;
}

export const DEFAULT_BREAKER: CircuitBreakerOptions = {
  failures: 5,
  pauseMs: 5_000,
  longestPauseMs: 120_000,
  now: () => performance.now(),
};

export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #failures = 0;
  #pauseMs: number;
  #openUntil = Number.NEGATIVE_INFINITY;
  /** Whether the trial request is in flight. */
  #isTrying = false;

  constructor(options: Partial<CircuitBreakerOptions> = {}) {
    this.#options = { ...DEFAULT_BREAKER, ...options };
    this.#pauseMs = this.#options.pauseMs;
  }

  get state(): 'closed' | 'open' | 'half_open' {
    if (this.#failures < this.#options.failures) return 'closed';
    return this.#options.now() < this.#openUntil ? 'open' : 'half_open';
  }

  /**
   * Returns whether a request may be sent. After a pause (half-open state), only one trial request may be
   * sent until its outcome is recorded.
   */
  tryAcquire(): boolean {
    if (this.state === 'closed') return true;
    if (this.state === 'open' || this.#isTrying) return false;
    this.#isTrying = true;
    return true;
  }

  recordSuccess(): void {
    this.#failures = 0;
    this.#isTrying = false;
    this.#pauseMs = this.#options.pauseMs;
  }

  recordFailure(): void {
    this.#failures++;
    if (this.#failures < this.#options.failures) return;
    if (this.#isTrying) this.#pauseMs = Math.min(this.#pauseMs * 2, this.#options.longestPauseMs);
    this.#isTrying = false;
    this.#openUntil = this.#options.now() + this.#pauseMs;
  }

  /** Records a request that ended for a reason unrelated to the endpoint, such as a client disconnect. */
  recordCancellation(): void {
    this.#isTrying = false;
  }
}
