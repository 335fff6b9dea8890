/**
 * Checks that loading needs memory for the model and for one tensor, but not for the whole file in addition.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DecoderConfig } from '../src/engine/onnx/decoder/config.ts';
import { parameterSize, parameterSpecs } from '../src/engine/onnx/decoder/parameters.ts';
import { tinyConfig, tinyTokenizer } from '../src/engine/onnx/testing/tiny-model.ts';
import { saveCheckpoint } from '../src/engine/onnx/weights/checkpoint.ts';
import { streamSafetensors } from '../src/support/safetensors.ts';
import { openWeightFiles } from '../src/support/weight-files.ts';
import { TYPESCRIPT } from './typescript.ts';

const PROGRAM = fileURLToPath(new URL('../src/engine/onnx/testing/load-memory.ts', import.meta.url));
let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'troupe-load-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Writes a model in bfloat16, in shards of one tensor each. */
function write(dir: string, changes: Partial<DecoderConfig>): void {
  const config = tinyConfig({ hiddenSize: 512, intermediateSize: 1024, heads: 4, headDim: 64, ...changes });
  const weights = new Map(
    parameterSpecs(config).map((spec) => [spec.name, new Float32Array(parameterSize(spec)).fill(0.5)]),
  );
  saveCheckpoint(dir, { config, weights, tokenizer: tinyTokenizer() });
  const files = openWeightFiles(dir);
  const weight_map: Record<string, string> = {};
  for (const [name, { shape }] of files.tensors) {
    weight_map[name] = `${name}.safetensors`;
    const values = () => files.read(name)?.values as Float32Array;
    streamSafetensors(join(dir, `${name}.safetensors`), [{ name, shape, values }], { dtype: 'BF16' });
  }
  files.close();
  rmSync(join(dir, 'model.safetensors'));
  writeFileSync(join(dir, 'model.safetensors.index.json'), JSON.stringify({ weight_map }));
}

it.each([
  ['of 33 M parameters in 16 layers', { layers: 16 }],
  ['of which one tensor with 31 M parameters is almost the whole', { layers: 1, vocabSize: 60_000 }],
])('reads a sharded model %s within 1.25 times its size in float32', (_, changes) => {
  const dir = join(root, String(changes.layers));
  write(dir, changes);
  const output = execFileSync(process.execPath, ['--import', TYPESCRIPT, '--expose-gc', PROGRAM, dir], {
    encoding: 'utf8',
  });
  const { growth, bytes } = JSON.parse(output) as { growth: number; bytes: number };
  expect(bytes).toBeGreaterThan(100e6);
  expect(growth / bytes).toBeGreaterThan(0.9); // the measurement includes the model
  expect(growth / bytes).toBeLessThan(1.25);
});
