import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairQueue } from './fair-queue.ts';

const drain = <T>(queue: FairQueue<T>): T[] => {
  const items: T[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) items.push(item);
  return items;
};

describe('FairQueue', () => {
  it('alternates between keys for any order of arrival', () => {
    const queue = new FairQueue<string>();
    for (const item of ['a1', 'a2', 'a3', 'a4']) queue.push('a', item, 1);
    for (const item of ['b1', 'b2']) queue.push('b', item, 1);
    expect(drain(queue)).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'a4']);
  });

  it('balances work, not items', () => {
    const queue = new FairQueue<string>();
    for (const item of ['a1', 'a2']) queue.push('a', item, 10);
    for (const item of ['b1', 'b2', 'b3']) queue.push('b', item, 4);
    expect(drain(queue)).toEqual(['a1', 'b1', 'b2', 'b3', 'a2']);
  });

  it('corrects for work above the expected cost', () => {
    const queue = new FairQueue<string>();
    queue.push('a', 'a1', 1);
    queue.push('a', 'a2', 1);
    queue.push('b', 'b1', 1);
    queue.push('b', 'b2', 1);
    queue.push('b', 'b3', 1);
    expect(queue.shift()).toBe('a1');
    queue.charge('a', 2);
    expect(drain(queue)).toEqual(['b1', 'b2', 'b3', 'a2']);
  });

  it('gives no credit for idle time', () => {
    const queue = new FairQueue<string>();
    for (let i = 0; i < 10; i++) queue.push('a', `a${i}`, 1);
    for (let i = 0; i < 5; i++) queue.shift();
    for (let i = 0; i < 5; i++) queue.push('late', `late${i}`, 1);
    const firstSix = drain(queue).slice(0, 6);
    expect(firstSix.filter((item) => item.startsWith('a'))).toHaveLength(3);
  });

  it('returns every item once and keeps the order within a key', () => {
    const item = fc.record({ key: fc.constantFrom('a', 'b', 'c'), cost: fc.integer({ min: 1, max: 9 }) });
    fc.assert(
      fc.property(fc.array(item), fc.array(fc.nat(), { maxLength: 3 }), (items, removed) => {
        const queue = new FairQueue<number>();
        items.forEach(({ key, cost }, id) => {
          queue.push(key, id, cost);
        });
        const removedIds = new Set(removed.filter((id) => queue.remove(id)));
        const served = drain(queue);
        expect(queue.size).toBe(0);
        expect([...served].sort((a, b) => a - b)).toEqual(
          items.map((_, id) => id).filter((id) => !removedIds.has(id)),
        );
        for (const key of ['a', 'b', 'c']) {
          const own = served.filter((id) => items[id]?.key === key);
          expect(own).toEqual([...own].sort((a, b) => a - b));
        }
      }),
    );
  });
});
