import { expect, it } from 'vitest';
import { probeRuntime } from './probe.ts';

it('computes a product through ONNX Runtime and says how long it took', async () => {
  expect(await probeRuntime()).toBeGreaterThan(0);
});
