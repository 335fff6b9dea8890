import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { extractOverrides } from '../../config/overrides.ts';
import { resolveConfigText } from '../../config/resolve.ts';
import { randomStream } from '../../core/rng.ts';
import { createRun } from '../../store/run-folder.ts';
import { main, PLAIN_FLAGS } from '../main.ts';

const TEAM = 'base: b\nagents: 2\ntask: {name: arithmetic, operands: 2}\n';

let dir: string;
let output: string[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-compare-'));
  output = [];
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => output.push(String(text)) > 0);
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true });
});

/**
 * Creates the folder of a run with three stages. On 60 test prompts, its accuracy rises from 0.3 by `gain`.
 */
async function record(name: string, flags: string[], { gain = 0, prompts = 60 } = {}): Promise<string> {
  const { overrides } = extractOverrides(flags, PLAIN_FLAGS);
  const { resolvedYaml } = resolveConfigText(TEAM, { path: join(dir, 'team.yaml'), overrides });
  const path = join(dir, name);
  const store = await createRun(path, { config: resolvedYaml });
  const evaluated = (stage: number, level: number) => {
    const rewards = Array.from({ length: prompts }, (_, p) => Number(randomStream(1, p).uniform() < level));
    store.emit({ kind: 'stage_evaluation', stage, rewards });
  };
  store.emit({ kind: 'run_started', stages: 3, agents: ['a', 'b'], fromStage: 0 });
  if (prompts > 0) evaluated(0, 0.3);
  for (let stage = 1; stage <= 3; stage++) {
    store.emit({ kind: 'rollout', stage, reward: 0.3, trajectories: 8, tokens: 4000 });
    store.emit({ kind: 'stage_finished', stage, reward: 0.3 + 0.1 * stage, accepted: 2, tokens: 4000 });
    if (prompts > 0) evaluated(stage, 0.3 + (gain * stage) / 3);
  }
  await store.close();
  return path;
}

describe('troupe compare', () => {
  it('shows curves, falls and paired differences of the recorded rewards', async () => {
    const runs = [
      await record('plain', []),
      await record('better', ['--algorithm', 'simultaneous'], { gain: 0.3 }),
      await record('worse', [], { gain: -0.25 }),
    ];
    expect(await main(['compare', ...runs])).toBe(0);
    const text = output.join('');
    expect(text).toMatch(/better +simultaneous +3 +▁[▄▅]█ 0.400 to 0.600 +- +0\/0 +12k +0\/3 \(0\)$/m);
    expect(text).toMatch(/worse +sat .* [1-3]\/3 \([0-3]\)$/m);
    expect(text).toContain('reward on 60 test prompts after the last stage, one episode each');
    expect(text).toMatch(/better +0\.\d{3} +\+0\.\d{3} \[\+0\.\d{3}, \+0\.\d{3}\] +better$/m);
    expect(text).toMatch(/worse +0\.\d{3} +-0\.\d{3} \[-0\.\d{3}, -0\.\d{3}\] +worse$/m);
  });

  it('groups runs by a key and pairs groups by seed', async () => {
    const runs = [];
    for (const seed of ['1', '2', '3'])
      for (const [algorithm, gain] of [
        ['sat', 0.3],
        ['simultaneous', 0.1],
      ] as const)
        runs.push(
          await record(`${algorithm}-${seed}`, ['--seed', seed, '--algorithm', algorithm], {
            gain: gain + 0.02 * Number(seed),
          }),
        );
    const file = join(dir, 'pages', 'ablation.md');
    expect(await main(['compare', ...runs, '--group', 'algorithm', '--out', file])).toBe(0);
    const page = readFileSync(file, 'utf8');
    expect(page).toMatch(
      /^\| simultaneous \| 3 \| 0\.\d{3} \[0\.\d{3}, 0\.\d{3}\] \| 0\/9 \(0\) = 0\.0% \| 12k \| -0\.\d{3} .* worse \|$/m,
    );
    const pictures = [...page.matchAll(/!\[[^\]]+\]\((.+)\)/g)].map(([, path]) => path as string);
    expect(pictures).toEqual(['ablation/reward.svg', 'ablation/kl.svg', 'ablation/test-reward.svg']);
    for (const picture of pictures)
      expect(readFileSync(join(dir, 'pages', picture), 'utf8')).toMatch(/<polyline/);
  });

  it('prints one JSON object with --json', async () => {
    const runs = [await record('a', []), await record('b', [], { gain: 0.3 })];
    expect(await main(['compare', ...runs, '--json'])).toBe(0);
    const { runs: compared, finals } = JSON.parse(output.join('')) as Record<string, unknown>;
    expect(compared).toMatchObject([{ algorithm: 'sat', falls: { stages: 3 } }, { figures: { stages: 3 } }]);
    expect(finals).toMatchObject({ unit: 'reward', differences: [null, { prompts: 60 }] });
  });

  it('refuses runs that cannot be compared, in one line', async () => {
    const [a, b] = [await record('a', []), await record('b', ['--task.operands', '3'])];
    const refused = async (...words: string[]) => {
      output = [];
      expect(await main(['compare', ...words])).toBe(2);
      expect(output).toHaveLength(1);
      return output.join('');
    };
    expect(await refused(a)).toMatch(/^compare: expected at least two runs, got 1/);
    expect(await refused(a, b)).toMatch(
      /^\S+b: expected the task of \S+a, \{"name":"arithmetic","operands":2\}, got /,
    );
    expect(await refused(a, join(dir, 'none'))).toMatch(/none: expected a run folder/);
    expect(await refused(a, a, '--group', 'algoritm')).toMatch(/^--group: expected a key of a team file/);
    expect(await refused(a, a, '--train.stages', '3')).toMatch(/^--train.stages: expected no field/);
    const bare = await record('bare', [], { prompts: 0 });
    expect(await refused(a, bare, '--group', 'algorithm')).toMatch(/^--group: .* set eval.stage_prompts/);
  });
});
