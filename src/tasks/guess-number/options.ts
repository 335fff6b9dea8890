/**
 * What can be set about the guessing game.
 * @module
 */
import { readOptions } from '../../support/options.ts';
import { DEFAULT_GENERATED, readSeed } from '../shared/generated.ts';
import type { CodeShape } from './code.ts';
import { STRATEGIES, type Strategy } from './strategy.ts';

export interface GuessNumberOptions extends CodeShape {
  /** Guesses per episode. */
  readonly rounds: number;
  /** Random guesses, with what they were told, that the prompt gives away. */
  readonly clues: number;
  /** What a solved episode loses when it takes all rounds instead of one; linear in between. */
  readonly speed: number;
  /** What an unsolved episode gets for its best guess, times that guess's share of 2 points per symbol. */
  readonly process: number;
  /** How good guesses are chosen in demonstrations. */
  readonly strategy: Strategy;
  /** Share of a demonstration's guesses that fit what is known; the rest are uniform over all codes. */
  readonly consistentShare: number;
  /** Names the endless list of secrets; splits do not depend on it. */
  readonly seed: number;
}

/** 120 codes, of which one random guess leaves about 20. */
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

/**
 * Reads YAML options: `digits` (1..4), `symbols` (2..10), `repeats`, `rounds` (1..50), `clues` (0..4), `speed`
 * and `process` (0..1, together at most 1), `strategy`, `consistent_share`, `seed`.
 *
 * @throws ConfigError listing everything that is wrong
 */
export function readGuessNumberOptions(record: Readonly<Record<string, unknown>>): GuessNumberOptions {
  const options = readOptions('task guess-number', record);
  const d = DEFAULT_GUESS_NUMBER;
  const read: GuessNumberOptions = {
    digits: options.integer('digits', { default: d.digits, min: 1, max: 4 }),
    symbols: options.integer('symbols', { default: d.symbols, min: 2, max: 10 }),
    repeats: options.boolean('repeats', d.repeats),
    rounds: options.integer('rounds', { default: d.rounds, min: 1, max: 50 }),
    clues: options.integer('clues', { default: d.clues, min: 0, max: 4 }),
    speed: options.share('speed', d.speed),
    process: options.share('process', d.process),
    strategy: options.choice('strategy', STRATEGIES, d.strategy),
    consistentShare: options.share('consistent_share', d.consistentShare),
    seed: readSeed(options),
  };
  if (!read.repeats && read.symbols < read.digits)
    options.reject(
      'symbols',
      `expected at least ${read.digits}, one for each digit, as repeats is false, got ${read.symbols}`,
    );
  if (read.speed + read.process > 1)
    options.reject(
      'process',
      `expected at most 1 - speed = ${1 - read.speed}, or solving late would pay less than not solving, got ${read.process}`,
    );
  options.finish();
  return read;
}
