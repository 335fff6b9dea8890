import { expect, it } from 'vitest';
import { checkRuntime } from './runtime-check.ts';

it('computes a product through ONNX Runtime and says how long it took', async () => {
  expect(await checkRuntime()).toBeGreaterThan(0);
});
