/**
 * What all generated tasks let a user choose: which endless list of problems, and how they are demonstrated.
 * @module
 */
import type { OptionReader } from '../../support/options.ts';
import { DEFAULT_HABITS, type HabitOptions, readHabits } from './habit.ts';

export interface GeneratedOptions extends HabitOptions {
  /** Names the endless list of problems; splits do not depend on it. Default 1. */
  readonly seed: number;
}

export const DEFAULT_GENERATED: GeneratedOptions = { seed: 1, ...DEFAULT_HABITS };

/** Reads `seed`. */
export function readSeed(options: OptionReader): number {
  return options.integer('seed', { default: DEFAULT_GENERATED.seed, min: 0, max: Number.MAX_SAFE_INTEGER });
}

/** Reads `seed`, `worked_share` and `demo_noise`. */
export function readGenerated(options: OptionReader): GeneratedOptions {
  return { seed: readSeed(options), ...readHabits(options) };
}
