/**
 * Options of the guessing game.
 * @module
 */
import { z } from 'zod';
import { choice, flag, integer, number } from '../../schema/fields.ts';
import { rejectOption } from '../../schema/options.ts';
import { DEFAULT_GENERATED, seedOption } from '../shared/generated.ts';
import type { CodeShape } from './code.ts';
import { STRATEGIES, type Strategy } from './strategy.ts';

export interface GuessNumberOptions extends CodeShape {
  /** Guesses per episode. */
  readonly rounds: number;
  /** Number of random guesses that the prompt shows together with their feedback. */
  readonly clues: number;
  /**
   * Deduction from the reward of a solved episode that takes all rounds. It grows linearly from 0 for a
   * single round.
   */
  readonly speed: number;
  /**
   * Factor of the reward of an unsolved episode. The reward is this factor times the score of the best guess
   * in [0, 1]: 2 points per symbol in place and 1 per symbol elsewhere, divided by 2 points per symbol.
   */
  readonly process: number;
  /** Strategy that selects the consistent guesses of demonstrations. */
  readonly strategy: Strategy;
  /**
   * Share of the guesses in demonstrations that are consistent with all feedback. All other guesses are
   * uniform over all codes.
   */
  readonly consistentShare: number;
  /** Seed of the endless list of secrets. The split of a problem does not depend on it. */
  readonly seed: number;
}

/**
 * Default options. There are 120 codes, of which about 20 are consistent with the feedback on a random guess.
 */
export const DEFAULT_GUESS_NUMBER: GuessNumberOptions = {
  digits: 3,
  symbols: 6,
  repeats: false,
  rounds: 5,
  clues: 1,
  speed: 0,
  process: 0,
  strategy: 'consistent',
  consistentShare: 0.5,
  seed: DEFAULT_GENERATED.seed,
};

const share = () => number({ min: 0, max: 1 });

/** Options of a team file. */
export const guessNumberOptions = z
  .strictObject({
    digits: integer({ min: 1, max: 4 }).default(3).describe('Digits of a secret.'),
    symbols: integer({ min: 2, max: 10 }).default(6).describe('Different digits that a secret may have.'),
    repeats: flag().default(false).describe('Whether a digit may occur more than once in a secret.'),
    rounds: integer({ min: 1, max: 50 }).default(5).describe('Guesses per episode.'),
    clues: integer({ min: 0, max: 4 })
      .default(1)
      .describe('Random guesses that the prompt shows together with their feedback.'),
    speed: share()
      .default(0)
      .describe(
        'Reward that a solved episode loses when it takes all rounds instead of one; linear in between.',
      ),
    process: share()
      .default(0)
      .describe(
        'Reward of an unsolved episode for its best guess, times the share of 2 points per symbol of that guess.',
      ),
    strategy: choice(STRATEGIES)
      .default('consistent')
      .describe(
        'Good guesses of demonstrations: `consistent`, any code that agrees with the feedback so far; `entropy`, of these one with the most informative feedback.',
      ),
    consistent_share: share()
      .default(0.5)
      .describe('Share of the guesses of a demonstration that are good; the rest is uniform over all codes.'),
    ...seedOption,
  })
  .superRefine(({ digits, symbols, repeats, speed, process }, context) => {
    if (!repeats && symbols < digits)
      rejectOption(
        context,
        'symbols',
        `expected at least ${digits}, one for each digit, as repeats is false, got ${symbols}`,
      );
    if (speed + process > 1)
      rejectOption(
        context,
        'process',
        `expected at most 1 - speed = ${1 - speed}, because a late solution must not pay less than none, got ${process}`,
      );
  });
