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

describe('a resumed run', () => {
  it('may change settings of the training', () => {
    expect(
      resumedWith(
        ['train.stages', 99],
        ['train.prompts_per_step', 7],
        ['optimizer.learning_rate', 0.5],
        ['trust_region.target_kl', 0.5],
        ['gate.n_plan', 9],
        ['eval.prompts', 9],
        ['engine.threads', 2],
        ['seed', 1], // unchanged
      ),
    ).not.toThrow();
  });

  it.each<[string, unknown, string]>([
    ['seed', 2, 'expected 1, the value of this run, got 2'],
    ['algorithm', 'sat-paper', 'expected "sat", the value of this run, got "sat-paper"'],
    ['agents', 3, 'expected a list of 2, the value of this run, got a list of 3'],
    ['agents.1.instruction', 'Be brief.', 'expected nothing, the value of this run, got "Be brief."'],
    ['task.numbers', 4, 'expected 3, the value of this run, got 4'],
    ['task.max_target', 50, 'expected nothing, the value of this run, got 50'],
    ['reward.agent', 0.5, 'expected 0, the value of this run, got 0.5'],
    ['train.temperature', 0.5, 'expected 1, the value of this run, got 0.5'],
    ['gate.alpha', 0.5, 'expected 0.05, the value of this run, got 0.5'],
  ])('must keep %s', (path, value, message) => {
    expect(resumedWith([path, value])).toThrow(`--${path}: ${message}; start a new run to change it`);
  });

  it('reports all changed keys', () => {
    expect(resumedWith(['seed', 2], ['protocol.kind', 'debate'])).toThrow(/^--seed: .*\n--protocol\.kind: /);
  });
});
