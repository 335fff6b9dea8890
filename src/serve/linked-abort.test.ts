import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { LinkedAbort } from './linked-abort.ts';

describe('LinkedAbort', () => {
  it('aborts with the reason of the source that aborts first', () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const linked = new LinkedAbort(first.signal, second.signal);
    second.abort('second');
    first.abort('first');
    expect(linked.signal.reason).toBe('second');
    expect(new LinkedAbort(first.signal).signal.reason).toBe('first');
  });

  it('leaves no listener on a source after it is unlinked', () => {
    const source = new AbortController();
    const linked = new LinkedAbort(source.signal);
    expect(getEventListeners(source.signal, 'abort')).toHaveLength(1);
    linked.unlink();
    expect(getEventListeners(source.signal, 'abort')).toHaveLength(0);
    source.abort();
    expect(linked.signal.aborted).toBe(false);
  });
});
