import { expect, it } from 'vitest';
import { checkRuntime } from './runtime-check.ts';

it('computes a matmul with ONNX Runtime and returns its duration', async () => {
  expect(await checkRuntime()).toBeGreaterThan(0);
});
