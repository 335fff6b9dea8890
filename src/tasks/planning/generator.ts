/**
 * The options that generated planning tasks share: notation, verification of plans, and demonstrations.
 * @module
 */
import { choice, integer, number } from '../../schema/fields.ts';
import { DEFAULT_GENERATED, type GeneratedOptions, generatedOptions } from '../shared/generated.ts';
import { DEFAULT_PLAN_VERIFIER, type PlanVerifierOptions } from './verify-plan.ts';

export interface DemonstrationOptions extends GeneratedOptions {
  /** Number of messages of a demonstration: 1, or the number of turns of a relay protocol. Default 1. */
  readonly demoTurns: number;
}

export interface GeneratorOptions extends DemonstrationOptions, PlanVerifierOptions {
  /** `compact`: as few characters as possible; `planbench`: PlanBench's wording. Default `compact`. */
  readonly style: 'compact' | 'planbench';
  /**
   * For the style `planbench` only: number of examples with their plan that a prompt shows, 0 or 1. Default
   * 1.
   */
  readonly shots: number;
}

export const DEFAULT_GENERATOR: GeneratorOptions = {
  style: 'compact',
  shots: 1,
  demoTurns: 1,
  ...DEFAULT_PLAN_VERIFIER,
  ...DEFAULT_GENERATED,
};

/** Options of every task that verifies plans. */
export const planVerifierOptions = {
  accept: choice(['valid', 'optimal'])
    .default('valid')
    .describe(
      '`valid`: any plan that reaches the goal is correct; `optimal`: only a shortest plan is correct.',
    ),
  partial_credit: number({ min: 0, max: 1 })
    .default(0)
    .describe(
      'Largest reward of an incorrect plan: it is multiplied by the share of missing goal facts that hold where the plan fails or ends.',
    ),
};

const actions = () => integer({ min: 1, max: 100 });

/** Options of every generated planning task, besides the size of its problems. */
export const generatorOptions = {
  min_actions: actions().default(1).describe('Fewest actions of a shortest plan.'),
  max_actions: actions().default(100).describe('Most actions of a shortest plan.'),
  style: choice(['compact', 'planbench'])
    .default('compact')
    .describe("Notation of prompts and plans: as few characters as possible, or PlanBench's wording."),
  shots: integer({ min: 0, max: 1 })
    .default(1)
    .describe('`planbench` style: 1 shows a solved example of the train split in the prompt.'),
  ...planVerifierOptions,
  demo_turns: integer({ min: 1, max: 100 })
    .default(1)
    .describe('Messages of a demonstration: the number of turns of the relay that learns from it.'),
  ...generatedOptions,
  demo_noise: generatedOptions.demo_noise.describe(
    'Share of the messages of demonstrations in which every block or place is replaced by a random one.',
  ),
};
