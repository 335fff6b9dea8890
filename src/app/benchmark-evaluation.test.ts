import { describe, expect, it } from 'vitest';
import type { TruncatedRule } from '../team/cut-off.ts';
import { createLetterTask } from '../train/testing/letter-task.ts';
import { identityOf } from './benchmark-evaluation.ts';

describe('identityOf', () => {
  const settings = { name: 'letters', split: 'test', prompts: 4, k: 2, temperature: 1 } as const;
  const identity = (truncated: TruncatedRule): string =>
    JSON.stringify(
      identityOf({ ...settings, task: createLetterTask(), maxTokens: 8, truncated, identity: { seed: 1 } }),
    );
  /** As written by versions that judged every message. */
  const judged = JSON.stringify({ ...settings, max_completion_length: 8, seed: 1 });

  it('is that of earlier versions if cut-off messages are judged', () => {
    expect(identity('judge')).toBe(judged);
    expect(identity('mask')).toBe(judged);
  });

  it('differs if cut-off messages are wrong', () => {
    expect(JSON.parse(identity('wrong'))).toEqual({ ...(JSON.parse(judged) as object), truncated: 'wrong' });
  });
});
