import { describe, expect, it } from 'vitest';
import { startWarnings } from './preflight.ts';
import { createLetterTask } from './testing/letter-task.ts';
import { trainOptions } from './testing/world.ts';

describe('startWarnings', () => {
  const warnings = (validation: number | undefined, gate: { kind: 'promotion' | 'off'; every: number }) => {
    const task = createLetterTask(validation === undefined ? {} : { sizes: { validation } });
    return startWarnings(trainOptions({ stages: 8, gate }), task);
  };

  it('reports a validation split that is too small for the promotion tests of the run', () => {
    expect(warnings(37, { kind: 'promotion', every: 4 })).toEqual([
      expect.stringMatching(
        /has 37 prompts for 2 promotion tests.*set gate\.every: 8 for one test of the last team/,
      ),
    ]);
    expect(warnings(79, { kind: 'promotion', every: 4 })).toHaveLength(1);
    expect(warnings(80, { kind: 'promotion', every: 4 })).toEqual([]);
    expect(warnings(37, { kind: 'promotion', every: 8 })).toEqual([]);
    expect(warnings(undefined, { kind: 'promotion', every: 1 })).toEqual([]);
    expect(warnings(37, { kind: 'off', every: 4 })).toEqual([]);
  });

  it('reports an empty validation split', () => {
    expect(warnings(0, { kind: 'promotion', every: 8 })).toEqual([expect.stringContaining('is empty')]);
  });

  it('reports a test split that is smaller than the closing comparison', () => {
    const task = createLetterTask({ sizes: { test: 10 } });
    const off = { kind: 'off' as const };
    expect(startWarnings(trainOptions({ evalPrompts: 20, gate: off }), task)).toEqual([
      expect.stringMatching(/test split .* has 10 prompts, and eval\.prompts is 20; .* uses 10$/),
    ]);
    expect(startWarnings(trainOptions({ evalPrompts: 10, gate: off }), task)).toEqual([]);
  });

  it('reports a weight of the KL term that was set and has no effect', () => {
    const task = createLetterTask();
    const single = { minibatchSize: 1000, gate: { kind: 'off' as const } };
    expect(startWarnings(trainOptions({ ...single, beta: 0.1 }), task)).toEqual([
      expect.stringContaining('loss.beta 0.1 has no effect'),
    ]);
    expect(startWarnings(trainOptions(single), task)).toEqual([]);
  });
});
