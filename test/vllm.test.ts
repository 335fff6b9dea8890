/**
 * Runs a whole training through the command line in which vLLM samples the messages. The test needs
 * TROUPE_PYTHON, a Python with vLLM, and uses any device that is available. Without vLLM it is skipped with a
 * notice.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { START_MS, TEST_PYTHON } from '../src/engine/torch/testing/python.ts';

const FIND_VLLM = 'import importlib.util, sys; sys.exit(importlib.util.find_spec("vllm") is None)';
const hasVllm = TEST_PYTHON !== undefined && spawnSync(TEST_PYTHON, ['-c', FIND_VLLM]).status === 0;
const notice = hasVllm ? '' : ' (skipped: TROUPE_PYTHON names no Python with vLLM)';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'troupe-vllm-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SMALL = [
  ...['--train.stages', '2', '--train.prompts_per_step', '8', '--train.num_generations', '4'],
  ...['--gate.every', '2', '--gate.n_plan', '20', '--eval.prompts', '10', '--eval.k', '1'],
  ...['--engine.kind', 'torch', '--engine.threads', '1', '--sampler.kind', 'vllm', '--sampler.cache', '0.01'],
];

function train(
  name: string,
  ...more: string[]
): { readonly run: string; readonly events: readonly object[] } {
  const run = join(folder, name);
  const words = ['bin/troupe.mjs', 'train', 'recipes/quickstart.yaml', '--run', run, ...SMALL, ...more];
  const { status, stderr } = spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  const lines = readFileSync(join(run, 'events.jsonl'), 'utf8').trim().split('\n');
  return { run, events: lines.map((line) => JSON.parse(line) as object) };
}

describe.skipIf(!hasVllm)(`a training that samples through vLLM${notice}`, () => {
  it.each([
    ['all weights', []],
    ['adapters', ['--engine.lora_rank', '4']],
    ['bfloat16', ['--torch.dtype', 'bfloat16']],
  ])(
    'finishes with %s and records the difference of sampler and trainer',
    (name, more) => {
      const { run, events } = train(name, ...more);
      const updates = events.filter((event) => 'kind' in event && event.kind === 'update') as {
        readonly logpMismatchMax: number;
        readonly logpMismatchMean: number;
        readonly status: string;
      }[];
      expect(updates).toHaveLength(6);
      const [max, mean] = name === 'bfloat16' ? [3, 0.05] : [1e-3, 1e-5];
      for (const { logpMismatchMax, logpMismatchMean } of updates) {
        expect(logpMismatchMax).toBeGreaterThan(0);
        expect(logpMismatchMax).toBeLessThan(max);
        expect(logpMismatchMean).toBeLessThan(mean);
      }
      expect(updates.some(({ status }) => status === 'ACCEPT')).toBe(true);
      expect(JSON.parse(readFileSync(join(run, 'manifest.json'), 'utf8'))).toMatchObject({
        sampler: expect.stringMatching(/^vllm \d/),
      });
    },
    START_MS,
  );
});
