/** Tests `troupe worker up` as a user runs it, and the requests that the worker refuses. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, it } from 'vitest';
import { tinyConfig, tinyTokenizer, tinyWeights } from '../src/engine/onnx/testing/tiny-model.ts';
import { saveCheckpoint } from '../src/engine/onnx/weights/checkpoint.ts';
import {
  describeWithTorch,
  TEST_PYTHON,
  testEngine,
  withWorker,
} from '../src/engine/torch/testing/python.ts';

const TROUPE = join(import.meta.dirname, '../bin/troupe.mjs');
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

it('reports a missing Python in one line', () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [TROUPE, 'worker', 'up', '--python', '/nowhere/python3'],
    { encoding: 'utf8' },
  );
  expect(status).toBe(1);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toContain('expected a Python at "/nowhere/python3", got none');
});

describeWithTorch('a worker of its own', () => {
  const engine = testEngine();
  const folder = withWorker(engine);

  it('prints its address, serves clients with the token, and ends with Ctrl-C', async () => {
    const words = [
      'worker',
      'up',
      '--python',
      TEST_PYTHON as string,
      '--port',
      '0',
      '--device',
      'cpu',
      '--json',
    ];
    const child = spawn(process.execPath, [TROUPE, ...words, '--threads', '1', '--memory-gib', '0.002'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
    const facts = JSON.parse(line) as { url: string; token: string; pid: number };
    const client = testEngine({ address: { url: facts.url, token: facts.token } });
    const config = tinyConfig();
    const dir = join(folder, 'model');
    saveCheckpoint(dir, { config, weights: tinyWeights(config), tokenizer: tinyTokenizer() });
    const model = await client.load({ dir, training: true });
    expect(model.parameterCount).toBeGreaterThan(0);

    // training a model of this shape needs more than the worker's memory limit of 0.002 GiB
    const wide = tinyConfig({ hiddenSize: 96, intermediateSize: 160 });
    saveCheckpoint(join(folder, 'wide'), {
      config: wide,
      weights: tinyWeights(wide),
      tokenizer: tinyTokenizer(),
    });
    await expect(client.load({ dir: join(folder, 'wide'), training: true })).rejects.toThrow(
      /wide: expected [\d.]+ MiB free on cpu for training of [\d.]+ thousand parameters in float32 .*, which is [\d.]+ MiB too little; engine.lora_rank 16/,
    );
    await client.close();
    child.kill('SIGINT');
    const [code] = (await once(child, 'exit')) as [number | null];
    expect(code).toBe(0);
    expect(() => process.kill(facts.pid, 0)).toThrow('ESRCH');
  });
});
