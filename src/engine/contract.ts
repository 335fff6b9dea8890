/**
 * What every trainable engine must do, as a test suite: run it against each implementation. Its claims
 * are about the port alone, so gradients are checked through their effect: after a plain gradient step
 * of size h the loss has fallen by h |g|^2.
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
 * Registers the suite.
 *
 * @param name - of the engine, for the report
 * @param makeModel - a fresh model with random (not uniform) weights; equal weights at every call
 * @param options - the engine that reads saved folders, prompts its tokenizer knows, tolerances
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
