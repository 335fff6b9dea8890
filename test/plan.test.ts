/** Plans of small teams for this machine: every team file that trains can be planned. */
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plan } from '../src/app/plan.ts';
import { pretrain } from '../src/app/pretrain.ts';
import { train } from '../src/app/train.ts';
import type { UseCaseEvent } from '../src/app/use-case.ts';
import type { TeamFile } from '../src/config/schema.ts';
import { renderPlan } from '../src/report/plan-report.ts';
import type { RunEvent } from '../src/train/events.ts';

const PATIENCE_MS = 120_000;

let dir: string;
let base: TeamFile;

beforeAll(async () => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-plan-'));
  base = {
    name: 'planned',
    base: join(dir, 'base'),
    agents: 2,
    task: { name: 'arithmetic', operands: 2, max_operand: 9 },
    engine: { threads: 1 },
    pretrain: {
      ...{ layers: 1, hidden_size: 32, heads: 2, kv_heads: 1, intermediate_size: 64 },
      ...{ steps: 20, batch_size: 32, max_positions: 256 },
    },
    train: { stages: 2, prompts_per_step: 4, num_generations: 4, max_completion_length: 12 },
    gate: { kind: 'off' },
    eval: { prompts: 4, k: 1 },
  };
  await pretrain({ config: base });
}, PATIENCE_MS);
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

/** A file with `count` additions. The hash of a prompt puts it into a split. */
function rowsFile(name: string, count: number, first = 0): string {
  const rows = Array.from({ length: count }, (_, n) => {
    const k = first + n;
    return { prompt: `${k}+${k}=`, answer: `${2 * k}` };
  });
  fs.writeFileSync(join(dir, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return join(dir, name);
}

describe('a plan for this machine', () => {
  it.each<[string, Partial<TeamFile>]>([
    ['without a gate', {}],
    ['with a promotion gate', { gate: { n_plan: 20, every: 1 } }],
    ['with a gate for every update', { gate: { kind: 'step', n_plan: 20 } }],
    ['of a debate', { protocol: { kind: 'debate', rounds: 2 } }],
    ['of a relay', { protocol: { kind: 'relay', rounds: 2 } }],
    ['of a router with random order', { protocol: { kind: 'router', turns: 3, order: 'random' } }],
    ['of agents that learn alone', { scheme: { credit: 'own' } }],
    ['with adapters', { engine: { threads: 1, lora_rank: 2 } }],
    ['with one prompt per update', { train: { prompts_per_step: 1 } }],
    ['with one batch per stage', { train: { rollout_mode: 'reuse', num_iterations: 2 } }],
    ['with certificates and stage evaluations', { certificate: { prompts: 4 }, eval: { stage_prompts: 4 } }],
  ])('%s is finite and positive', async (_, more) => {
    const result = await plan({ config: { ...base, ...more, train: { ...base.train, ...more.train } } });
    const { stage, seconds, memoryBytes, tokens } = result.plan;
    for (const phase of ['rollout', 'score', 'update', 'divergence'] as const)
      expect(stage.phases[phase], phase).toBeGreaterThan(0);
    expect(seconds.least).toBeGreaterThan(2 * stage.seconds);
    expect(seconds.most).toBeGreaterThanOrEqual(seconds.least);
    expect(Number.isFinite(seconds.most)).toBe(true);
    expect(memoryBytes).toBeGreaterThan(5e7);
    expect(tokens).toBeGreaterThan(2 * 2 * 16);
    expect(renderPlan(result)).not.toMatch(/NaN|undefined|update 0s/);
  });

  it('works with fewer train rows than prompts per step, as training does', async () => {
    const path = rowsFile('few.jsonl', 14);
    const config: TeamFile = {
      ...base,
      task: { name: 'jsonl', path, verifier: 'numeric' },
      train: { ...base.train, stages: 1, prompts_per_step: 32 },
      eval: { prompts: 2, k: 1 },
    };
    const { workload } = await plan({ config });
    expect(workload.stage.scored).toBe(2 * 32 * 4);
    await train({ config, run: join(dir, 'few') }).result;
  });

  it('warns once about an empty validation split under a gate; training warns once too', async () => {
    const path = rowsFile('train.jsonl', 3); // none of the three prompts hashes into the validation split
    const config: TeamFile = {
      ...base,
      task: { name: 'jsonl', verifier: 'numeric', path, test_path: rowsFile('test.jsonl', 4, 5) },
      gate: { every: 1, n_plan: 8 },
      eval: { prompts: 2, k: 1 },
    };
    const events: UseCaseEvent[] = [];
    const { plan: planned } = await plan({ config, onEvent: (event) => events.push(event) });
    const warnings = events.flatMap((event) => (event.kind === 'warning' ? [event.message] : []));
    expect(warnings).toEqual([
      expect.stringContaining('the validation split of task jsonl is empty, so no acceptance test can run'),
    ]);
    expect(planned.gates).toBe(0);
    const emitted: RunEvent[] = [];
    const run = train({
      config,
      run: join(dir, 'no-validation'),
      onEvent: (event) => emitted.push(event as RunEvent),
    });
    await run.result;
    const said = emitted.flatMap((event) => (event.kind === 'warning' ? [event.message] : []));
    expect(said.filter((message) => message.includes('validation'))).toEqual(warnings);
  });

  it('skips or refuses prompts that are too long, as training does', async () => {
    const long = `${'1+'.repeat(200)}1=`;
    const path = rowsFile('long.jsonl', 14);
    const rows = Array.from({ length: 3 }, () => `${JSON.stringify({ prompt: long, answer: '201' })}\n`);
    fs.writeFileSync(path, `${rows.join('')}${fs.readFileSync(path, 'utf8')}`);
    const config: TeamFile = {
      ...base,
      task: { name: 'jsonl', path, verifier: 'numeric', test_path: rowsFile('short.jsonl', 4, 40) },
      train: { ...base.train, prompts_per_step: 2 },
      eval: { prompts: 2, k: 1 },
    };
    const events: UseCaseEvent[] = [];
    const { machine } = await plan({ config, onEvent: (event) => events.push(event) });
    expect(machine.agents[0]!.contextTokens[0]).toBeLessThan(64);
    expect(events.flatMap((event) => (event.kind === 'warning' ? [event.message] : []))).toEqual([
      expect.stringContaining('prompts too long for the context, never used for training'),
    ]);
    const refused = { ...config, train: { ...config.train, overlong_prompts: 'error' as const } };
    await expect(plan({ config: refused })).rejects.toThrow(
      /expected prompts that leave room for max_completion_length/,
    );
  });

  it('refuses a task without train or test prompts in one line, before models are loaded', async () => {
    const task = { name: 'jsonl', verifier: 'numeric', path: rowsFile('train.jsonl', 3) };
    await expect(plan({ config: { ...base, base: '/nowhere', task } })).rejects.toThrow(
      /expected at least 2 prompts in the test split for the closing comparison, got 1/,
    );
  });

  it('saves rates, with which other team files are planned without a measurement', async () => {
    const saveMachine = join(dir, 'rates.json');
    const first = await plan({ config: base, saveMachine });
    const again = await plan({ config: base, machine: saveMachine });
    expect(again.plan).toEqual(first.plan);
    const larger: TeamFile = { ...base, agents: 4 };
    const { stage } = (await plan({ config: larger, machine: saveMachine })).plan;
    expect(stage.phases.score).toBeCloseTo(2 * first.plan.stage.phases.score);
    const rates = JSON.parse(fs.readFileSync(saveMachine, 'utf8')) as { agents: { step: unknown }[] };
    rates.agents[1]!.step = 'fast';
    fs.writeFileSync(saveMachine, JSON.stringify(rates));
    await expect(plan({ config: base, machine: saveMachine })).rejects.toThrow(
      `${saveMachine} agents[1].step: expected a number >= 0, got "fast"; measure again with --save-machine`,
    );
  });

  it('shows progress, and stops at the signal', async () => {
    const shares: number[] = [];
    const onEvent = (event: UseCaseEvent): void => {
      if (event.kind === 'progress') shares.push(event.done / event.total);
    };
    await plan({ config: base, onEvent });
    expect(shares[0]).toBe(0);
    expect(shares.at(-1)).toBe(1);
    const controller = new AbortController();
    const stopped = plan({
      config: base,
      signal: controller.signal,
      onEvent: (event) => event.kind === 'progress' && event.label === 'measure' && controller.abort(),
    });
    await expect(stopped).rejects.toThrow(/abort/i);
  });
});
