/**
 * The options that generated planning tasks share: notation, verification of plans, and demonstrations.
 * @module
 */
import type { OptionReader } from '../../support/options.ts';
import { DEFAULT_GENERATED, type GeneratedOptions, readGenerated } from '../shared/generated.ts';
import { DEFAULT_PLAN_VERIFIER, type PlanVerifierOptions } from './verify-plan.ts';

export interface DemonstrationOptions extends GeneratedOptions {
  /** Number of messages of a demonstration: 1, or the number of turns of a relay. Default 1. */
  readonly demoTurns: number;
}

export interface GeneratorOptions extends DemonstrationOptions, PlanVerifierOptions {
  /** `compact`: as few characters as possible; `planbench`: PlanBench's wording. Default `compact`. */
  readonly style: 'compact' | 'planbench';
  /** `planbench` only: prompts show an example with its plan (1) or not (0). Default 1. */
  readonly shots: number;
}

export const DEFAULT_GENERATOR: GeneratorOptions = {
  style: 'compact',
  shots: 1,
  demoTurns: 1,
  ...DEFAULT_PLAN_VERIFIER,
  ...DEFAULT_GENERATED,
};

/** Reads `accept` and `partial_credit`. */
export function readPlanVerifierOptions(options: OptionReader): PlanVerifierOptions {
  return {
    accept: options.choice('accept', ['valid', 'optimal'], DEFAULT_PLAN_VERIFIER.accept),
    partialCredit: options.share('partial_credit', DEFAULT_PLAN_VERIFIER.partialCredit),
  };
}

/**
 * Reads the shared options: `style`, `shots`, `seed`, `demo_turns`, `worked_share`, `demo_noise`, `accept`,
 * `partial_credit`.
 */
export function readGeneratorOptions(options: OptionReader): GeneratorOptions {
  const d = DEFAULT_GENERATOR;
  return {
    style: options.choice('style', ['compact', 'planbench'], d.style),
    shots: options.integer('shots', { default: d.shots, min: 0, max: 1 }),
    demoTurns: options.integer('demo_turns', { default: d.demoTurns, min: 1, max: 100 }),
    ...readPlanVerifierOptions(options),
    ...readGenerated(options),
  };
}
