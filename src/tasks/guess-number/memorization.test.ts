/**
 * Measures the share of games that a player without any strategy solves by repeating memorized
 * demonstrations. A task with few different problems rewards memorization.
 */
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import type { Split } from '../../task/task.ts';
import { codesOf, feedbackOn } from './code.ts';
import { createGuessNumber } from './guess-number.ts';
import { DEFAULT_GUESS_NUMBER, type GuessNumberOptions } from './options.ts';

const GAMES = 500;

/** Next guesses in the demonstrations, by context: the prompt, the earlier guesses and their feedback. */
type Table = ReadonlyMap<string, readonly string[]>;

const after = (context: string, guess: string, reply: string): string => `${context} ${guess}>${reply}`;

function memorize(options: GuessNumberOptions, demonstrations: number): Table {
  const task = createGuessNumber(options);
  const table = new Map<string, string[]>();
  for (let index = 0; index < demonstrations; index++) {
    const item = task.item('train', index);
    const { messages, observations: replies = [] } = task.demonstrate!(item, randomStream(1, index));
    let context = item.prompt;
    messages.forEach((guess, turn) => {
      const guesses = table.get(context);
      if (guesses) guesses.push(guess);
      else table.set(context, [guess]);
      context = after(context, guess, replies[turn]);
    });
  }
  return table;
}

/**
 * Returns the share of games that are solved by repeating a memorized guess, or by a random code in an
 * unknown context.
 */
function solvedShare(table: Table, options: GuessNumberOptions, split: Split): number {
  const task = createGuessNumber(options);
  const codes = codesOf(options);
  let solved = 0;
  for (let index = 0; index < GAMES; index++) {
    const { prompt, answer = '' } = task.item(split, 1_000_000 + index);
    const stream = randomStream(2, index);
    let context = prompt;
    for (let turn = 0; turn < options.rounds; turn++) {
      const memorized = table.get(context) ?? codes;
      const guess = memorized[stream.int(memorized.length)];
      const { placed, misplaced } = feedbackOn(answer, guess);
      context = after(context, guess, `${placed}${misplaced}`);
      if (guess !== answer) continue;
      solved++;
      break;
    }
  }
  return solved / GAMES;
}

describe('a player of guess-number that memorizes demonstrations', () => {
  it('solves twice as many train problems as test problems of a task with 380 problems', () => {
    const options = { ...DEFAULT_GUESS_NUMBER, digits: 2, symbols: 5, rounds: 3, consistentShare: 0.6 };
    const table = memorize(options, 10_000);
    expect(solvedShare(table, options, 'train')).toBeGreaterThan(0.6);
    expect(solvedShare(table, options, 'test')).toBeLessThan(0.4);
  });

  it('solves few problems of either split of a task with 83,160 problems', () => {
    const options = { ...DEFAULT_GUESS_NUMBER, digits: 2, symbols: 8, rounds: 3, clues: 2 };
    const table = memorize(options, 10_000);
    for (const split of ['train', 'test'] as const)
      expect(solvedShare(table, options, split)).toBeLessThan(0.2);
  });
});
