import { describe, expect, it } from 'vitest';
import { CircuitBreaker } from './circuit-breaker.ts';

function createBreaker(): { readonly breaker: CircuitBreaker; advance(ms: number): void } {
  let now = 0;
  const breaker = new CircuitBreaker({ failures: 3, pauseMs: 100, longestPauseMs: 300, now: () => now });
  return {
    breaker,
    advance: (ms) => {
      now += ms;
    },
  };
}

describe('CircuitBreaker', () => {
  it('opens after consecutive failures, and not if a success is among them', () => {
    const { breaker } = createBreaker();
    for (const isSuccess of [false, false, true, false, false])
      isSuccess ? breaker.recordSuccess() : breaker.recordFailure();
    expect(breaker.state).toBe('closed');
    breaker.recordFailure();
    expect([breaker.state, breaker.tryAcquire()]).toEqual(['open', false]);
  });

  it('admits one trial request after the pause, and closes when it succeeds', () => {
    const { breaker, advance } = createBreaker();
    for (let i = 0; i < 3; i++) breaker.recordFailure();
    advance(100);
    expect([breaker.tryAcquire(), breaker.tryAcquire()]).toEqual([true, false]);
    breaker.recordSuccess();
    expect([breaker.state, breaker.tryAcquire(), breaker.tryAcquire()]).toEqual(['closed', true, true]);
  });

  it('doubles the pause after each failed trial up to the bound, and resets it after a success', () => {
    const { breaker, advance } = createBreaker();
    const pauses: number[] = [];
    for (let i = 0; i < 3; i++) breaker.recordFailure();
    for (let round = 0; round < 4; round++) {
      let waited = 0;
      while (!breaker.tryAcquire()) {
        advance(10);
        waited += 10;
      }
      pauses.push(waited);
      breaker.recordFailure();
    }
    expect(pauses).toEqual([100, 200, 300, 300]);
    advance(300);
    breaker.tryAcquire();
    breaker.recordSuccess();
    for (let i = 0; i < 3; i++) breaker.recordFailure();
    advance(100);
    expect(breaker.state).toBe('half_open');
  });

  it('admits another trial request when the first one was cancelled', () => {
    const { breaker, advance } = createBreaker();
    for (let i = 0; i < 3; i++) breaker.recordFailure();
    advance(100);
    breaker.tryAcquire();
    breaker.recordCancellation();
    expect(breaker.tryAcquire()).toBe(true);
  });
});
