import { describe, expect, it } from 'vitest';
import { withExamples } from './examples.ts';

const examples = [{ prompt: '1+1', answer: '2' }];
const turns = [
  { role: 'user', content: '1+1' },
  { role: 'assistant', content: '2' },
];

describe('withExamples', () => {
  it('inserts a user and an assistant message before the prompt', () => {
    expect(withExamples([{ role: 'user', content: '2+3' }], examples)).toEqual([
      ...turns,
      { role: 'user', content: '2+3' },
    ]);
  });

  it('keeps the system message first', () => {
    const system = { role: 'system' as const, content: 'add' };
    expect(withExamples([system, { role: 'user', content: '2+3' }], examples)).toEqual([
      system,
      ...turns,
      { role: 'user', content: '2+3' },
    ]);
  });

  it('returns the prompt itself without examples', () => {
    const messages = [{ role: 'user' as const, content: '2+3' }];
    expect(withExamples(messages, undefined)).toBe(messages);
    expect(withExamples(messages, [])).toBe(messages);
  });
});
