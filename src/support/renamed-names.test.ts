import { describe, expect, it } from 'vitest';
import {
  hasRemovedSplit,
  renamedField,
  renamedFlagMessage,
  renamedOption,
  renamedSplitHint,
} from './renamed-names.ts';

describe('renamedOption', () => {
  it('returns the new name of an option that the task has', () => {
    expect(renamedOption('heldout_path', ['path', 'test_path'])).toBe('test_path');
    expect(renamedOption('heldout_path', ['path'])).toBeUndefined();
    expect(renamedOption('path', ['path'])).toBeUndefined();
    expect(renamedOption('toString', ['path'])).toBeUndefined();
  });
});

describe('renamedFlagMessage', () => {
  it('names the new flag, for the command that had the old one', () => {
    const message = '--min-members is now --min-agents';
    expect(renamedFlagMessage('serve', ['serve', 'team.yaml', '--min-members', '2'])).toBe(message);
    expect(renamedFlagMessage('serve', ['serve', '--min-members=2'])).toBe(message);
    expect(renamedFlagMessage('serve', ['serve', '--min-agents', '2'])).toBeUndefined();
    expect(renamedFlagMessage('train', ['train', '--min-members', '2'])).toBeUndefined();
  });
});

describe('renamedField', () => {
  it('returns the new path of a renamed field', () => {
    expect(renamedField('troupe.stream_members')).toBe('troupe.stream_agents');
    expect(renamedField('stream_members')).toBeUndefined();
  });
});

describe('hasRemovedSplit', () => {
  it('detects ids of items of the split heldout', () => {
    expect(['heldout:17', 'heldout-3'].map(hasRemovedSplit)).toEqual([true, true]);
    expect(['test:17', 'train-3', 'heldouts'].map(hasRemovedSplit)).toEqual([false, false, false]);
  });
});

describe('renamedSplitHint', () => {
  it('is empty for names that were not renamed', () => {
    expect(renamedSplitHint('heldout')).toBe('; the split heldout is now called test');
    expect([renamedSplitHint('test'), renamedSplitHint(3)]).toEqual(['', '']);
  });
});
