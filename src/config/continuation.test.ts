import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { packageFile } from '../support/package-root.ts';
import { RESUMABLE, requireSameRun } from './continuation.ts';
import { keysAt } from './key-tree.ts';
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
        ['engine.kind', 'torch'],
        ['torch.device', 'cpu'],
        ['torch.dtype', 'float32'], // the default of a section that was absent
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
    ['gate.kind', 'off', 'expected "promotion", the value of this run, got "off"'],
    ['engine.lora_rank', 4, 'expected 0, the value of this run, got 4'],
    ['engine.base_dtype', 'bfloat16', 'expected "auto", the value of this run, got "bfloat16"'],
    ['loss.beta', 0.1, 'expected 0.001, the value of this run, got 0.1'],
    ['train.rollout_mode', 'reuse', 'expected "fresh", the value of this run, got "reuse"'],
    [
      'scheme.update_schedule',
      'simultaneous',
      'expected "sequential", the value of this run, got "simultaneous"',
    ],
    ['pretrain.steps', 9, 'expected 400, the value of this run, got 9'],
    ['chat_template_kwargs', { date: 'x' }, 'expected nothing, the value of this run, got {"date":"x"}'],
  ])('must keep %s', (path, value, message) => {
    expect(resumedWith([path, value])).toThrow(`--${path}: ${message}; start a new run to change it`);
  });

  it('reports a changed adapter rank alone, without the alpha that follows from it', () => {
    expect(resumedWith(['engine.lora_rank', 4])).toThrow(/^--engine\.lora_rank: [^\n]*$/);
  });

  it('reports all changed keys', () => {
    expect(resumedWith(['seed', 2], ['protocol.kind', 'debate'])).toThrow(/^--seed: .*\n--protocol\.kind: /);
  });

  it('has a list of resumable settings that are keys of a team file', () => {
    for (const key of RESUMABLE) {
      const path = key.split('.');
      expect(keysAt(path.slice(0, -1)), key).toContain(path.at(-1));
    }
  });

  it('has documentation of every resumable setting', () => {
    const page = readFileSync(packageFile('docs/runs.md'), 'utf8');
    for (const key of RESUMABLE) expect(page, key).toContain(`\`${key}\``);
  });
});
