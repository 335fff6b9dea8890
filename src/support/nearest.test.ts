import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearestName } from './nearest.ts';

describe('editDistance', () => {
  it('counts one edit of each kind', () => {
    expect(editDistance('seed', 'seeds')).toBe(1);
    expect(editDistance('seeds', 'seed')).toBe(1);
    expect(editDistance('seed', 'send')).toBe(1);
    expect(editDistance('seed', 'sede')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });

  it('does not edit a transposed pair again (optimal string alignment, not full Damerau)', () => {
    expect(editDistance('ca', 'abc')).toBe(3);
  });

  it('is symmetric, zero only on equal strings, and at most the longer length', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '_'), maxLength: 8 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});

describe('nearestName', () => {
  it('returns the intended option for a typo', () => {
    expect(nearestName('quantil', ['quantile', 'target_kl'])).toBe('quantile');
    expect(nearestName('taregt_kl', ['quantile', 'target_kl'])).toBe('target_kl');
  });

  it('ignores camelCase, dashes and capitals', () => {
    expect(nearestName('useAll', ['use_all'])).toBe('use_all');
    expect(nearestName('use-all', ['use_all'])).toBe('use_all');
    expect(nearestName('USE_ALL', ['use_all'])).toBe('use_all');
  });

  it('returns undefined if no name is close, also among very short names', () => {
    expect(nearestName('temperature', ['path', 'seed'])).toBeUndefined();
    expect(nearestName('xy', ['k', 'ab'])).toBeUndefined();
    expect(nearestName('seed', [])).toBeUndefined();
  });

  it('prefers the closest, then the first', () => {
    expect(nearestName('operand', ['operators', 'operands'])).toBe('operands');
    expect(nearestName('sead', ['seed', 'send', 'lead'])).toBe('seed');
  });
});
