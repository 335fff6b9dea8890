import { describe, expect, it } from 'vitest';
import { EventQueue } from './event-queue.ts';

describe('EventQueue', () => {
  it('returns buffered events in order, and waits for the first one', async () => {
    const queue = new EventQueue<number>();
    queue.push(1);
    queue.push(2);
    expect(await queue.take(60_000)).toEqual([1, 2]);
    const next = queue.take(60_000);
    queue.push(3);
    expect(await next).toEqual([3]);
  });

  it('returns no events after a timeout', async () => {
    expect(await new EventQueue().take(1)).toEqual([]);
  });

  it('returns the remaining events after it is closed, then undefined', async () => {
    const queue = new EventQueue<number>();
    queue.push(1);
    queue.close();
    queue.push(2);
    expect(await queue.take(60_000)).toEqual([1]);
    expect(await queue.take(60_000)).toBeUndefined();
    const waiting = new EventQueue();
    const taken = waiting.take(60_000);
    waiting.close();
    expect(await taken).toBeUndefined();
  });
});
