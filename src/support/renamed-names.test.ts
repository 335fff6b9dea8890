import { describe, expect, it } from 'vitest';
import { renamedOption, renamedSplitHint } from './renamed-names.ts';

describe('renamedOption', () => {
  it('returns the new name of an option that the task has', () => {
    expect(renamedOption('heldout_path', ['path', 'test_path'])).toBe('test_path');
    expect(renamedOption('heldout_path', ['path'])).toBeUndefined();
    expect(renamedOption('path', ['path'])).toBeUndefined();
    expect(renamedOption('toString', ['path'])).toBeUndefined();
  });
});

describe('renamedSplitHint', () => {
  it('is empty for names that were not renamed', () => {
    expect(renamedSplitHint('heldout')).toBe('; the split heldout is now called test');
    expect([renamedSplitHint('test'), renamedSplitHint(3)]).toEqual(['', '']);
  });
});
