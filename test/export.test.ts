/**
 * Tests the export of a run: the folders can be loaded, have the same weights and a model card, and no file
 * is overwritten.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../src/cli/main.ts';
import { resolveConfig } from '../src/config/resolve.ts';
import { createOnnxEngine } from '../src/engine/onnx/engine.ts';
import { openWeightFiles } from '../src/support/weight-files.ts';
import { TYPESCRIPT } from './typescript.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const engine = createOnnxEngine({ threads: 1, spinning: false });
let dir: string;
let run: string;

const TINY = {
  agents: 2,
  'train.stages': 1,
  'train.prompts_per_step': 2,
  'train.num_generations': 2,
  'train.max_completion_length': 8,
  'eval.prompts': 2,
  'eval.k': 1,
  'gate.kind': 'off',
  'engine.threads': 1,
};

async function troupe(...argv: string[]): Promise<{ code: number; out: string; error: string }> {
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const error = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    const code = await main(argv);
    const text = (spy: typeof out): string => spy.mock.calls.map(([chunk]) => String(chunk)).join('');
    return { code, out: text(out), error: text(error) };
  } finally {
    out.mockRestore();
    error.mockRestore();
  }
}

beforeAll(async () => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-export-'));
  run = join(dir, 'run');
  const flags = Object.entries(TINY).flatMap(([key, value]) => [`--${key}`, String(value)]);
  const { code, error } = await troupe(
    'train',
    join(root, 'recipes/quickstart.yaml'),
    '--run',
    run,
    ...flags,
  );
  expect(error).toBe('');
  expect(code).toBe(0);
});
afterAll(async () => {
  await engine.close();
  fs.rmSync(dir, { recursive: true, force: true });
});

async function logpOf(folder: string): Promise<number[]> {
  const model = await engine.load({ dir: folder });
  const sequence = { context: Int32Array.of(1, 8), tokens: Int32Array.of(2, 9, 10, 0) };
  const [logp] = await model.forward([sequence], { temperature: 1 });
  await model.close();
  return [...(logp ?? [])];
}

const saved = (): string => join(run, 'checkpoints', 'stage-0001', 'agent_0');

describe('an exported team', () => {
  it('is one folder per agent with the trained weights, model cards and a team file', async () => {
    const out = join(dir, 'plain');
    expect(await troupe('export', run, '--out', out)).toMatchObject({ code: 0, error: '' });
    expect(fs.readdirSync(out).sort()).toEqual(['README.md', 'agent_0', 'agent_1', 'team.yaml']);
    expect(fs.readdirSync(join(out, 'agent_0')).sort()).toEqual([
      'README.md',
      'chat_template.jinja',
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    expect(await logpOf(join(out, 'agent_0'))).toEqual(await logpOf(saved()));
    const { config } = resolveConfig(join(out, 'team.yaml'));
    expect(config.agents.map(({ model }) => model)).toEqual([join(out, 'agent_0'), join(out, 'agent_1')]);
    const card = fs.readFileSync(join(out, 'README.md'), 'utf8');
    expect(card).toMatch(/^---\nlibrary_name: transformers\n/);
    expect(card).toContain('| agent_0 | quickstart-base | not stated |');
    expect(card).toMatch(/\| trained team \| \d+\.\d% \[\d+\.\d, \d+\.\d\] \| 2 x 1 \|/);
    expect(card).toMatch(/\| updates \| \d of 2 accepted \|/);
    expect(card).not.toContain(dir);
  });

  it('can be rounded to bfloat16 and split into shards', async () => {
    const out = join(dir, 'sharded');
    const flags = ['--dtype', 'bf16', '--max-shard-size', '500KB'];
    expect((await troupe('export', run, '--out', out, ...flags)).code).toBe(0);
    const folder = join(out, 'agent_1');
    const shards = fs.readdirSync(folder).filter((name) => name.endsWith('.safetensors'));
    expect(shards.length).toBeGreaterThan(2);
    for (const name of shards) expect(fs.statSync(join(folder, name)).size).toBeLessThan(510_000);
    const files = openWeightFiles(folder);
    expect(new Set([...files.tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set(['BF16']));
    files.close();
    expect(JSON.parse(fs.readFileSync(join(folder, 'config.json'), 'utf8')).torch_dtype).toBe('bfloat16');
    const [rounded, exact] = [await logpOf(folder), await logpOf(saved().replace('agent_0', 'agent_1'))];
    const differences = rounded.map((value, i) => Math.abs(value - exact[i]!));
    expect(Math.max(...differences)).toBeLessThan(0.2);
    expect(rounded).not.toEqual(exact);
  });

  it('measures rounding on sampled messages if the run has stored none', async () => {
    const copy = join(dir, 'without-messages');
    fs.cpSync(run, copy, { recursive: true });
    fs.rmSync(join(copy, 'completions'), { recursive: true });
    const { code, out } = await troupe('export', copy, '--out', `${copy}-16`, '--dtype', 'float16');
    expect(code).toBe(0);
    expect(out).toMatch(/over \d+ tokens of 8 messages sampled on prompts of the task/);
    const { out: quick } = await troupe(
      'export',
      copy,
      '--out',
      `${copy}-32`,
      '--dtype',
      'f16',
      '--no-measure',
    );
    expect(quick).not.toContain('KL');
  });

  it('overwrites nothing, and a failed export leaves nothing', async () => {
    const out = join(dir, 'there');
    fs.mkdirSync(out);
    expect(await troupe('export', run, '--out', out)).toMatchObject({
      code: 2,
      error: `${out}: expected a folder that is not there yet, got one that is; choose another name\n`,
    });
    const copy = join(dir, 'damaged');
    fs.cpSync(run, copy, { recursive: true });
    const weights = join(copy, 'checkpoints', 'stage-0001', 'agent_1', 'model.safetensors');
    fs.writeFileSync(weights, fs.readFileSync(weights).subarray(0, 1000));
    const failed = await troupe('export', copy, '--out', join(dir, 'half'));
    expect(failed.code).not.toBe(0);
    expect(failed.error.trim().split('\n')).toHaveLength(1);
    expect(fs.readdirSync(dir).filter((name) => name.startsWith('half'))).toEqual([]);
    expect((await troupe('export', join(dir, 'no'), '--out', join(dir, 'x'))).code).toBe(2);
  });

  it('is refused as GGUF by the name of what llama.cpp lacks, and leaves nothing', async () => {
    const out = join(dir, 'gguf');
    const { code, error } = await troupe('export', run, '--out', out, '--format', 'gguf');
    expect(code).toBe(2);
    expect(error).toMatch(
      /tokenizer\.json: expected a tokenizer that llama\.cpp has, got .+; export safetensors/,
    );
    expect(fs.readdirSync(dir).filter((name) => name.startsWith('gguf'))).toEqual([]);
    const wrong = await troupe('export', run, '--out', out, '--dtype', 'q8_0');
    expect(wrong).toMatchObject({ code: 2, error: expect.stringContaining('add --format gguf') });
  });

  it('rejects invalid shard sizes', async () => {
    const { code, error } = await troupe('export', run, '--out', join(dir, 'y'), '--max-shard-size', 'big');
    expect(code).toBe(2);
    expect(error).toContain('expected a size such as 500MB or 5GB');
  });
});

describe('a team of adapters', () => {
  const flags = (values: object): string[] =>
    Object.entries({ ...TINY, ...values }).flatMap(([key, value]) => [`--${key}`, String(value)]);
  const recipe = join(root, 'recipes/quickstart.yaml');
  const learning = {
    'train.prompts_per_step': 16,
    'train.num_generations': 4,
    'trust_region.target_kl': 5, // accepts the first attempt
    'trust_region.target_kl_message': 50,
    'engine.lora_rank': 2,
    'optimizer.learning_rate': 0.01,
  };

  it('is merged into the base model, also for agents that start from adapters', async () => {
    const [first, second] = [join(dir, 'adapters'), join(dir, 'adapters-again')];
    expect(await troupe('train', recipe, '--run', first, ...flags(learning))).toMatchObject({ code: 0 });
    const adapter = (of: string): string => join(of, 'checkpoints', 'stage-0001', 'agent_0');
    const began = { base: adapter(first), 'optimizer.learning_rate': 0.01 };
    expect(await troupe('train', recipe, '--run', second, ...flags(began))).toMatchObject({ code: 0 });
    const untrained = await logpOf(join(root, 'recipes/quickstart-base'));
    for (const of of [first, second]) {
      const out = `${of}-merged`;
      expect(await troupe('export', of, '--out', out, '--merge')).toMatchObject({ code: 0, error: '' });
      const [merged, apart] = [await logpOf(join(out, 'agent_0')), await logpOf(adapter(of))];
      expect(merged).not.toEqual(untrained);
      merged.forEach((value, i) => {
        expect(Math.abs(value - apart[i]!)).toBeLessThan(1e-4);
      });
    }
    const card = fs.readFileSync(join(`${first}-merged`, 'README.md'), 'utf8');
    expect(card).toContain('| adapters | LoRA, r 2, alpha 4, all-linear |');
    expect(card).toContain('| agent_0 | model.safetensors | float32; adapter merged into the base |');
    expect(card).toMatch(/rounding to float32 loses 0\.0% of the learned change/);
    const plain = `${first}-plain`;
    expect(await troupe('export', first, '--out', plain)).toMatchObject({ code: 0, error: '' });
    expect(await logpOf(join(plain, 'agent_0'))).toEqual(await logpOf(adapter(first)));
    const metadata = fs.readFileSync(join(plain, 'agent_0', 'README.md'), 'utf8');
    expect(metadata).toMatch(/library_name: peft\n[^#]*- lora\n/);
    await expectRoundingReport(first);
    const planned = await troupe('plan', recipe, ...flags({ base: adapter(first) }), '--json');
    expect(planned).toMatchObject({ code: 0, error: '' });
    const { plan } = JSON.parse(planned.out) as { plan: { modelBytes: number } };
    const [base, rank2] = [790_272, 4 * 2 * 2_432];
    // one base; two adapters with gradients, moments and an untrained copy; a snapshot of one of them
    expect(plan.modelBytes).toBe(4 * base + 2 * 20 * rank2 + 12 * rank2);
  }, 120_000);
});

/** Exports a run of adapters in bfloat16, which loses a material part of the small learned change. */
async function expectRoundingReport(of: string): Promise<void> {
  const out = `${of}-bf16`;
  const flags = ['--merge', '--dtype', 'bfloat16'];
  const { code, out: text } = await troupe('export', of, '--out', out, ...flags);
  expect(code).toBe(0);
  const [, lost = ''] = /KL\(trained \|\| exported\) (\S+) nats per token on average/.exec(text) ?? [];
  const [, learned = ''] = /KL\(trained \|\| base\) (\S+) nats per token on average/.exec(text) ?? [];
  const [, share = ''] = /rounding to bfloat16 loses (\S+)% of the learned change/.exec(text) ?? [];
  expect(Number(lost)).toBeGreaterThan(0);
  expect(Number(share) / 100).toBeCloseTo(Number(lost) / Number(learned), 1);
  expect(text).toMatch(/\d% of the [\d,]+ trained weights equal the base's in bfloat16/);
  const advice = 'warning: bfloat16 does not keep the trained policy';
  expect(text.includes(advice)).toBe(Number(share) > 10);
  expect(fs.readFileSync(join(out, 'agent_0', 'README.md'), 'utf8')).toContain(
    'Effect of rounding on agent_0:',
  );
}

const PYTHON = process.env.TROUPE_PYTHON ?? 'python3';
const hasTransformers =
  spawnSync(PYTHON, ['-c', 'import torch, transformers'], { timeout: 60_000 }).status === 0;

it.skipIf(!hasTransformers)(
  'loads in Transformers and gives the same log-probabilities',
  async () => {
    for (const flags of [[], ['--dtype', 'bf16', '--max-shard-size', '500KB']]) {
      const out = join(dir, `transformers${flags.length}`);
      expect((await troupe('export', run, '--out', out, ...flags)).code).toBe(0);
      const script = join(root, 'conformance/export');
      const scores = execFileSync(process.execPath, ['--import', TYPESCRIPT, join(script, 'score.ts'), out]);
      fs.writeFileSync(join(out, 'scores.json'), scores);
      const check = spawnSync(PYTHON, [join(script, 'check.py'), out, join(out, 'scores.json')], {
        encoding: 'utf8',
      });
      expect(check.status, check.stderr).toBe(0);
      expect(check.stdout.trim().split('\n')).toHaveLength(2);
    }
  },
  300_000,
);
