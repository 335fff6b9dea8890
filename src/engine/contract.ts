/**
 * The engine contract: tests that every trainable engine must pass. The engine port gives no access to
 * gradients, so the tests check a gradient g by its effect: to first order, one plain gradient step with
 * learning rate h lowers the loss by h |g|^2.
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
 * Registers the contract's tests with Vitest.
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
