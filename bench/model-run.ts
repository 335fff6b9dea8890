/**
 * Measures one model in a separate process; prints a {@link ModelMeasurement} as JSON.
 * @see models.ts
 * @module
 */
import { readFileSync } from 'node:fs';
import { randomStream } from '../src/core/rng.ts';
import type { Sequence } from '../src/engine/engine.ts';
import { createOnnxEngine } from '../src/engine/onnx/engine.ts';
import { median } from './matmuls.ts';
import type { Workload } from './model-shapes.ts';

interface Job {
  readonly dir: string;
  readonly kind: 'full' | 'lora';
  readonly workload: Workload;
  readonly threads: number;
}

const { dir, kind, workload, threads } = JSON.parse(process.argv[2] ?? '{}') as Job; // models.ts writes it
const lora = { r: 16, alpha: 32, targetModules: 'all-linear', rslora: false } as const;
const engine = createOnnxEngine({
  decodeBatch: workload.decodeBatch,
  threads,
  ...(kind === 'lora' ? { lora } : {}),
});

async function seconds(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  await run(); // warm-up, which compiles the graphs
  const times: number[] = [];
  for (let round = 0; round < workload.rounds; round++) times.push(await seconds(run));
  return median(times);
}

const start = performance.now();
const model = await engine.load({ dir });
const load_s = (performance.now() - start) / 1000;
const stream = randomStream(2);
const draw = (length: number) => Int32Array.from({ length }, () => 2 + stream.int(1000));

// with random weights and a large vocabulary the end token is unlikely, so messages have their maximum length
const requests = Array.from({ length: workload.decodeBatch }, (_, i) => ({
  context: draw(workload.context),
  stream: randomStream(3, i),
}));
let decoded = 0;
const decoding = await timed(async () => {
  const completions = await model.sample(requests, { temperature: 1, maxTokens: workload.decodeTokens });
  decoded = completions.reduce((sum, { tokens }) => sum + tokens.length, 0);
});
const decode_tokens_per_s = decoded / decoding;

const sequences: Sequence[] = Array.from({ length: workload.batch }, () => ({
  context: draw(workload.context),
  tokens: draw(workload.message),
}));
const cotangents = sequences.map(({ tokens }) => Array.from(tokens, () => -0.01));
const train = await timed(() => model.backward(sequences, cotangents, { temperature: 1 }));
const adamw = { learningRate: 1e-5, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 };
const step_s = await timed(() => model.step(adamw));
const tokens = workload.batch * (workload.context + workload.message);
// VmHWM is the peak memory of this process alone; maxRSS can include memory of the parent at the time of the
// fork
const status = readFileSync('/proc/self/status', 'utf8');
const peak_gib = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 2 ** 20;
const measured = { load_s, peak_gib, decode_tokens_per_s, train_tokens_per_s: tokens / train, step_s };
console.log(JSON.stringify(measured));
await engine.close();
