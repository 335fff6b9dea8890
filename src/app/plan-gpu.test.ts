import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { renderPlan } from '../report/plan-report.ts';
import { plan } from './plan.ts';
import type { GpuPlanRequest } from './plan-gpu.ts';

const PAPER = fileURLToPath(new URL('../../recipes/paper', import.meta.url));
const README = readFileSync(join(PAPER, 'README.md'), 'utf8');

const ADAPTERS = { 'engine.lora_rank': 64 };

async function planOf(
  file: string,
  request: Partial<GpuPlanRequest>,
  settings: Readonly<Record<string, number>> = {},
): Promise<string> {
  const overrides = Object.entries(settings).map(([key, value]) => ({
    ...{ flag: `--${key}`, path: key.split('.'), value },
  }));
  const gpu = { gpu: 'h100', shapes: join(PAPER, 'shapes'), ...request };
  return renderPlan(await plan({ config: join(PAPER, file), overrides, gpu }));
}

describe('plans for GPUs from data sheets', () => {
  it('show GPU-hours, memory and the assumptions', async () => {
    const text = await planOf('three-4b.yaml', { gpu: 'h200', messageTokens: 1000 });
    expect(text).toMatch(/^GPU-hours +\S+ to \S+: 3 cards for \S+ to \S+$/m);
    expect(text).toMatch(/^memory per GPU +\d+ GiB and activations of 141$/m);
    expect(text).toMatch(/^assumed +h200 at 30% of its peak .* messages of 1000 tokens, .*; not measured$/m);
    expect(text).not.toMatch(/^memory {2}/m);
  });

  it('show how much memory is missing, and a GPU with enough', async () => {
    expect(await planOf('three-4b.yaml', {})).toMatch(
      /^memory per GPU +\d+ GiB and activations of 80: \d+ GiB too little on h100; h200 has enough, several GPUs can share an agent .*, and adapters/m,
    );
    expect(await planOf('three-4b.yaml', {}, ADAPTERS)).toMatch(
      /^memory per GPU +\d+ GiB and activations of 80$/m,
    );
  });

  it('refuse an unknown GPU and a model without a config.json', async () => {
    await expect(planOf('three-4b.yaml', { gpu: 'h10' })).rejects.toThrow(
      'plan --gpu: expected one of rtx4090, l40s, a100, h100, h200, got h10; did you mean "h100"?',
    );
    const config = join(PAPER, 'three-4b.yaml');
    const overrides = [{ flag: '--base', path: ['base'], value: '/nowhere' }];
    await expect(plan({ config, overrides, gpu: { gpu: 'h100' } })).rejects.toThrow(
      '/nowhere/config.json: the file is missing; a model folder needs its config.json',
    );
  });

  it.each([
    ['3 x Qwen3-4B, all weights', 'three-4b.yaml', 'h200', {}],
    [
      'the same, two GPUs per agent',
      'three-4b.yaml',
      'h100',
      { 'ray.gpus_per_agent': 2, 'engine.decode_batch': 32 },
    ],
    ['the same, adapters', 'three-4b.yaml', 'h100', ADAPTERS],
    ['0.6B + 1.7B + 4B', 'mixed-0.6b-1.7b-4b.yaml', 'h100', {}],
    ['1.7B + 4B + 8B', 'mixed-1.7b-4b-8b.yaml', 'h100', {}],
  ])('match the table of recipes/paper: %s', async (row, file, gpu, settings) => {
    const line = README.split('\n').find((text) => text.includes(row)) ?? '';
    const [least, most] = / (\d+) to (\d+) \| \d+ \|$/.exec(line)?.slice(1).map(Number) ?? [];
    const [, low, high] = /^GPU-hours +(\S+) to ([^:]+):/m.exec(await planOf(file, { gpu }, settings)) ?? [];
    expect([Math.round(Number(low)), Math.round(Number(high))], line).toEqual([least, most]);
    const cards = Number(/\| (\d+) x H\d+ \|/.exec(line)?.[1]);
    const aime = Number(/ (\d+) \|$/.exec(line)?.[1]);
    const long = await planOf(file, { gpu, messageTokens: 12_000 }, settings);
    const message = Number(/^a benchmark +(\S+) s /m.exec(long)?.[1]);
    expect(Math.abs((60 * 64 * 3 * cards * message) / 3600 - aime), line).toBeLessThan(1);
  });
});
