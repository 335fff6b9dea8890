/** How far a player comes who knows the demonstrations by heart and nothing else: few problems tempt to that. */
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import type { Split } from '../../task/task.ts';
import { codesOf, feedbackOn } from './code.ts';
import { createGuessNumber } from './guess-number.ts';
import { DEFAULT_GUESS_NUMBER, type GuessNumberOptions } from './options.ts';

const GAMES = 500;

/** What was ever said after an opening and an exchange of guesses and replies. */
type Table = ReadonlyMap<string, readonly string[]>;

const after = (context: string, guess: string, reply: string): string => `${context} ${guess}>${reply}`;

function learnedByHeart(options: GuessNumberOptions, demonstrations: number): Table {
  const task = createGuessNumber(options);
  const table = new Map<string, string[]>();
  for (let index = 0; index < demonstrations; index++) {
    const item = task.item('train', index);
    const { messages, observations: replies = [] } = task.demonstrate!(item, randomStream(1, index));
    let context = item.prompt;
    messages.forEach((guess, turn) => {
      const said = table.get(context);
      if (said) said.push(guess);
      else table.set(context, [guess]);
      context = after(context, guess, replies[turn]);
    });
  }
  return table;
}

/** Share of games that are solved by repeating what was said there, or by any code where nothing was. */
function solvedShare(table: Table, options: GuessNumberOptions, split: Split): number {
  const task = createGuessNumber(options);
  const codes = codesOf(options);
  let solved = 0;
  for (let index = 0; index < GAMES; index++) {
    const { prompt, answer = '' } = task.item(split, 1_000_000 + index);
    const stream = randomStream(2, index);
    let context = prompt;
    for (let turn = 0; turn < options.rounds; turn++) {
      const known = table.get(context) ?? codes;
      const guess = known[stream.int(known.length)];
      const { placed, misplaced } = feedbackOn(answer, guess);
      context = after(context, guess, `${placed}${misplaced}`);
      if (guess !== answer) continue;
      solved++;
      break;
    }
  }
  return solved / GAMES;
}

describe('guess-number by heart', () => {
  it('is worth twice as much on train problems as on others where there are 380', () => {
    const options = { ...DEFAULT_GUESS_NUMBER, digits: 2, symbols: 5, rounds: 3, consistentShare: 0.6 };
    const table = learnedByHeart(options, 10_000);
    expect(solvedShare(table, options, 'train')).toBeGreaterThan(0.6);
    expect(solvedShare(table, options, 'test')).toBeLessThan(0.4);
  });

  it('helps nobody where there are 83,160', () => {
    const options = { ...DEFAULT_GUESS_NUMBER, digits: 2, symbols: 8, rounds: 3, clues: 2 };
    const table = learnedByHeart(options, 10_000);
    for (const split of ['train', 'test'] as const)
      expect(solvedShare(table, options, split)).toBeLessThan(0.2);
  });
});
