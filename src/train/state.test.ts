import { expect, it } from 'vitest';
import { initialState, resumeState } from './state.ts';

it('resumes from a copy of a state', () => {
  const state = initialState(2, 0.1);
  const resumed = resumeState(state, 2);
  expect(resumed).toEqual(state);
  expect(resumed.prompts).not.toBe(state.prompts);
});

it('rejects states of other versions and of other teams', () => {
  const old = { ...initialState(2, 0.1), version: 1, prompts: { train: 4, test: 4 } };
  expect(() => resumeState(old, 2)).toThrow('checkpoint state: expected version 2, got 1; resume with');
  expect(() => resumeState(undefined, 2)).toThrow('expected version 2, got undefined');
  expect(() => resumeState(initialState(2, 0.1), 3)).toThrow('expected 3 agents, got 2');
});
