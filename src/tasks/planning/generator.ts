/**
 * The options that generated planning tasks share: how problems and plans are written, what a plan must be to
 * be right, and how they are demonstrated.
 * @module
 */
import type { OptionReader } from '../../support/options.ts';
import { DEFAULT_GENERATED, type GeneratedOptions, readGenerated } from '../shared/generated.ts';
import { DEFAULT_JUDGE, type JudgeOptions } from './judge.ts';

export interface DemonstrationOptions extends GeneratedOptions {
  /** Messages of a demonstration: 1, or as many as a relay has turns. Default 1. */
  readonly demoTurns: number;
}

export interface GeneratorOptions extends DemonstrationOptions, JudgeOptions {
  /** `compact`: as few characters as possible; `planbench`: PlanBench's words. Default `compact`. */
  readonly style: 'compact' | 'planbench';
  /** `planbench` only: prompts show an example with its plan (1) or not (0). Default 1. */
  readonly shots: number;
}

export const DEFAULT_GENERATOR: GeneratorOptions = {
  style: 'compact',
  shots: 1,
  demoTurns: 1,
  ...DEFAULT_JUDGE,
  ...DEFAULT_GENERATED,
};

/** Reads `accept` and `partial_credit`. */
export function readJudgeOptions(options: OptionReader): JudgeOptions {
  return {
    accept: options.choice('accept', ['valid', 'optimal'], DEFAULT_JUDGE.accept),
    partialCredit: options.share('partial_credit', DEFAULT_JUDGE.partialCredit),
  };
}

/** Reads the shared options: `style`, `shots`, `seed`, `demo_turns`, `worked_share`, `demo_noise` and a judge's. */
export function readGeneratorOptions(options: OptionReader): GeneratorOptions {
  const d = DEFAULT_GENERATOR;
  return {
    style: options.choice('style', ['compact', 'planbench'], d.style),
    shots: options.integer('shots', { default: d.shots, min: 0, max: 1 }),
    demoTurns: options.integer('demo_turns', { default: d.demoTurns, min: 1, max: 100 }),
    ...readJudgeOptions(options),
    ...readGenerated(options),
  };
}
