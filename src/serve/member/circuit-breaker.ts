/**
 * Stops asking a member that keeps failing: after some failures in a row it is left alone for a while, then
 * one request tries it; each failed try doubles the while.
 * @see Nygard, "Release It!", 2nd ed., chapter 5
 * @module
 */

export interface CircuitBreakerOptions {
  /** Failures in a row that open the circuit. */
  readonly failures: number;
  /** First pause, milliseconds. */
  readonly pauseMs: number;
  readonly longestPauseMs: number;
  /** Milliseconds of a clock that never goes back. */
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
  #trying = false;

  constructor(options: Partial<CircuitBreakerOptions> = {}) {
    this.#options = { ...DEFAULT_BREAKER, ...options };
    this.#pauseMs = this.#options.pauseMs;
  }

  get state(): 'closed' | 'open' | 'half_open' {
    if (this.#failures < this.#options.failures) return 'closed';
    return this.#options.now() < this.#openUntil ? 'open' : 'half_open';
  }

  /** Whether a request may go out; in the half-open state the first one only. */
  tryAcquire(): boolean {
    if (this.state === 'closed') return true;
    if (this.state === 'open' || this.#trying) return false;
    this.#trying = true;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#trying = false;
    this.#pauseMs = this.#options.pauseMs;
  }

  failed(): void {
    this.#failures++;
    if (this.#failures < this.#options.failures) return;
    if (this.#trying) this.#pauseMs = Math.min(this.#pauseMs * 2, this.#options.longestPauseMs);
    this.#trying = false;
    this.#openUntil = this.#options.now() + this.#pauseMs;
  }

  /** The request ended for a reason that says nothing about the member, such as a client that left. */
  abandoned(): void {
    this.#trying = false;
  }
}
