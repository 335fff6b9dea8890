import { describe, expect, it } from 'vitest';
import { requireSameRun } from './continuation.ts';
import type { Override } from './overrides.ts';
import { resolveConfigText } from './resolve.ts';

const RUN = `
base: m
agents: 2
task: {name: countdown, numbers: 3}
`;

function resumedWith(...flags: [path: string, value: unknown][]): () => void {
  const overrides = flags.map(
    ([path, value]): Override => ({ flag: `--${path}`, path: path.split('.'), value }),
  );
  const at = (more: readonly Override[]) =>
    resolveConfigText(RUN, { path: 'run/config.yaml', overrides: more });
  return () => requireSameRun(at([]).config, at(overrides));
}

describe('a run that goes on', () => {
  it('may change how long and how it trains', () => {
    expect(
      resumedWith(
        ['train.stages', 99],
        ['train.prompts_per_step', 7],
        ['optimizer.learning_rate', 0.5],
        ['trust_region.target_kl', 0.5],
        ['gate.n_plan', 9],
        ['eval.prompts', 9],
        ['engine.threads', 2],
        ['seed', 1], // what it is anyway
      ),
    ).not.toThrow();
  });

  it.each<[string, unknown, string]>([
    ['seed', 2, 'expected 1, which this run was started with, got 2'],
    ['algorithm', 'sat-paper', 'expected "sat", which this run was started with, got "sat-paper"'],
    ['agents', 3, 'expected a list of 2, which this run was started with, got a list of 3'],
    [
      'agents.1.instruction',
      'Be brief.',
      'expected nothing, which this run was started with, got "Be brief."',
    ],
    ['task.numbers', 4, 'expected 3, which this run was started with, got 4'],
    ['task.max_target', 50, 'expected nothing, which this run was started with, got 50'],
    ['reward.agent', 0.5, 'expected 0, which this run was started with, got 0.5'],
    ['train.temperature', 0.5, 'expected 1, which this run was started with, got 0.5'],
    ['gate.alpha', 0.5, 'expected 0.05, which this run was started with, got 0.5'],
  ])('keeps its %s', (path, value, message) => {
    expect(resumedWith([path, value])).toThrow(`--${path}: ${message}; start a new run for it`);
  });

  it('is told of everything that differs', () => {
    expect(resumedWith(['seed', 2], ['protocol.kind', 'debate'])).toThrow(/^--seed: .*\n--protocol\.kind: /);
  });
});
