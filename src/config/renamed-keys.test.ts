import { describe, expect, it } from 'vitest';
import { renamedKeyMessage } from './renamed-keys.ts';

const RENAMED = { members: 'agents', 'reward.member': 'reward.agent', 'agents.size': 'base.size' };

describe('renamedKeyMessage', () => {
  it('names the new key, with its section where that changed', () => {
    expect(renamedKeyMessage(['members'], RENAMED)).toBe('unknown key "members"; it is now "agents"');
    expect(renamedKeyMessage(['reward', 'member'], RENAMED)).toBe('unknown key "member"; it is now "agent"');
    expect(renamedKeyMessage(['agents', 3, 'size'], RENAMED)).toBe(
      'unknown key "size"; it is now "base.size"',
    );
  });

  it('returns undefined for keys that were not renamed', () => {
    for (const path of [['agents'], ['member'], ['toString'], ['reward', 'members'], []])
      expect(renamedKeyMessage(path, RENAMED), path.join('.')).toBeUndefined();
  });
});
