import { describe, expect, it } from 'vitest';
import { CircuitBreaker } from './circuit-breaker.ts';

function breaker(): { readonly it: CircuitBreaker; pass(ms: number): void } {
  let now = 0;
  const it = new CircuitBreaker({ failures: 3, pauseMs: 100, longestPauseMs: 300, now: () => now });
  return {
    it,
    pass: (ms) => {
      now += ms;
    },
  };
}

describe('CircuitBreaker', () => {
  it('opens after failures in a row, not after as many with a success between', () => {
    const { it } = breaker();
    for (const good of [false, false, true, false, false]) good ? it.succeeded() : it.failed();
    expect(it.state).toBe('closed');
    it.failed();
    expect([it.state, it.tryAcquire()]).toEqual(['open', false]);
  });

  it('lets one request try after the pause, and closes when that succeeds', () => {
    const { it, pass } = breaker();
    for (let i = 0; i < 3; i++) it.failed();
    pass(100);
    expect([it.tryAcquire(), it.tryAcquire()]).toEqual([true, false]);
    it.succeeded();
    expect([it.state, it.tryAcquire(), it.tryAcquire()]).toEqual(['closed', true, true]);
  });

  it('waits twice as long after each failed try, up to a bound, and starts over after a success', () => {
    const { it, pass } = breaker();
    const pauses: number[] = [];
    for (let i = 0; i < 3; i++) it.failed();
    for (let round = 0; round < 4; round++) {
      let waited = 0;
      while (!it.tryAcquire()) {
        pass(10);
        waited += 10;
      }
      pauses.push(waited);
      it.failed();
    }
    expect(pauses).toEqual([100, 200, 300, 300]);
    pass(300);
    it.tryAcquire();
    it.succeeded();
    for (let i = 0; i < 3; i++) it.failed();
    pass(100);
    expect(it.state).toBe('half_open');
  });

  it('lets the next request try when the one that tried was given up', () => {
    const { it, pass } = breaker();
    for (let i = 0; i < 3; i++) it.failed();
    pass(100);
    it.tryAcquire();
    it.abandoned();
    expect(it.tryAcquire()).toBe(true);
  });
});
