/**
 * The engine contract: a test suite that every trainable engine must pass. It uses the port alone, so gradients
 * are checked through their effect: a plain gradient step of size h lowers the loss by h |g|^2 (first order).
 * @module
 */
import { describe } from 'vitest';
import { describeDivergence } from './contract/divergence.ts';
import { createHarness, type EngineContractOptions } from './contract/harness.ts';
import { describeMixing } from './contract/mixing.ts';
import { describeSampling } from './contract/sampling.ts';
import { describeState } from './contract/state.ts';
import { describeTraining } from './contract/training.ts';
import type { Model } from './engine.ts';

export type { EngineContractOptions } from './contract/harness.ts';

/**
 * Registers the suite with Vitest.
 *
 * @param name - name of the engine in the test report
 * @param makeModel - creates a model with random (not uniform) weights; every call returns the same weights
 * @param options - the engine that loads saved folders, prompts that its tokenizer can encode, tolerances
 */
export function describeEngineContract(
  name: string,
  makeModel: () => Promise<Model>,
  options: EngineContractOptions,
): void {
  describe(`engine contract: ${name}`, () => {
    const harness = createHarness(makeModel, options);
    describeSampling(harness);
    describeTraining(harness);
    describeDivergence(harness);
    describeState(harness);
    describeMixing(harness);
  });
}
