/**
 * The task `arbench-gn` (AR-Bench GN): find a number of four different digits in 25 guesses and then name it,
 * with the official rules, feedback and scores. No file is required, because the list of all 5,040 secrets is
 * known.
 *
 * Differs from the official code: the rules are part of the first user message instead of a system message.
 * The feedback and the next instruction are one user message. The prompts are worded differently. A message
 * without four digits in a row uses up a round (the official code ends the episode there). If a guess repeats
 * a digit, each digit of the secret matches at most one digit of the guess.
 * @see Zhou et al., "From passive to active reasoning", arXiv 2506.08295; github.com/tmlr-group/AR-Bench
 * @module
 */

import { z } from 'zod';
import { afterThinking } from '../../grade/after-thinking.ts';
import { BINARY_REWARD, correct, excerpt, incorrect, noAnswer } from '../../grade/verdict.ts';
import { integer, text } from '../../schema/fields.ts';
import { defineTask } from '../../task/definition.ts';
import type { EnvironmentStep, Task, TaskItem, Verdict } from '../../task/task.ts';
import { codesOf, feedbackOn, isCode } from '../guess-number/code.ts';
import { describeValue, type ReadResult, readList, recordAt, splitLists } from './records.ts';

const NAME = 'arbench-gn';
const SHAPE = { digits: 4, symbols: 10, repeats: false } as const;

export interface GuessingNumbersOptions {
  /**
   * File with the official list of test secrets, which is the test split. Default: a secret is in the test
   * split if its hash selects this split.
   */
  readonly path?: string | undefined;
  /** File with the official list of training secrets. Default: all secrets that are in no other split. */
  readonly trainPath?: string | undefined;
  readonly rounds: number;
}

/** The task `arbench-gn` of a team file. */
export const guessingNumbers = defineTask({
  name: NAME,
  about: 'AR-Bench GN: guess four digits in 25 rounds: interactive',
  options: z.strictObject({
    path: text('the name of a file')
      .optional()
      .describe('Official list of test secrets: the test split. Default: secrets whose hash falls into it.'),
    train_path: text('the name of a file')
      .optional()
      .describe('Official list of training secrets. Default: all secrets outside of the other splits.'),
    rounds: integer({ min: 1, max: 100 }).default(25).describe('Guesses per episode.'),
  }),
  create: (options) => createGuessingNumbers(options),
});

/** Creates the task. @throws ConfigError with the first invalid record of a file */
export function createGuessingNumbers({
  path,
  trainPath,
  rounds = 25,
}: Partial<GuessingNumbersOptions> = {}): Task {
  const listed = (file: string | undefined): string[] | undefined =>
    file === undefined ? undefined : readList(`task ${NAME}`, file, readSecret);
  const { splits, warnings } = splitLists({
    test: listed(path),
    train: listed(trainPath) ?? codesOf(SHAPE),
    nameOf: (secret) => secret,
  });
  return {
    name: NAME,
    rewardRange: BINARY_REWARD,
    // without a training list the task itself removes the test secrets from all secrets, which needs no
    // warning
    warnings: trainPath === undefined ? [] : warnings,
    size: (split) => splits[split].length,
    item(split, index): TaskItem {
      const answer = recordAt(NAME, splits, { split, index });
      return { id: `gn-${answer}`, prompt: `${rules(rounds)}\n\n${askFor(1)}`, problem: answer, answer };
    },
    verify: (item, text) => verdictOf(item, text),
    answerOf: guessOf,
    environment: {
      maxTurns: rounds + 1,
      reset: (item) => stateOf({ item, rounds }, []),
    },
  };
}

function readSecret(value: unknown): ReadResult<string> {
  return typeof value === 'string' && isCode(value, SHAPE)
    ? { record: value }
    : { expected: `four different digits, got ${describeValue(value)}` };
}

/** The four digits of a guess; undefined for a message that has no four digits in a row. */
type Guess = string | undefined;

function stateOf(
  game: { readonly item: TaskItem; readonly rounds: number },
  messages: readonly string[],
  reply?: string,
): EnvironmentStep {
  const { item, rounds } = game;
  return {
    done: messages.length > rounds,
    ...(reply !== undefined && { observation: reply }),
    step(text) {
      const all = [...messages, text];
      if (all.length > rounds) return stateOf(game, all);
      const next = all.length === rounds ? FINAL : askFor(all.length + 1);
      return stateOf(game, all, `${feedbackText(item.answer ?? '', guessOf(text))}\n\n${next}`);
    },
    verdict() {
      const final = messages.length > rounds ? messages.at(-1) : undefined;
      const verdict = final === undefined ? noAnswer('the final guess is missing') : verdictOf(item, final);
      return { ...verdict, scores: scoresOf(item.answer ?? '', messages.slice(0, rounds).map(guessOf)) };
    },
  };
}

/** Returns the last four consecutive digits of a text. */
function guessOf(text: string): Guess {
  return [...afterThinking(text).matchAll(/\d{4}/g)].at(-1)?.[0];
}

function verdictOf({ answer = '' }: TaskItem, text: string): Verdict {
  const guess = guessOf(text);
  if (guess === undefined) return noAnswer(`expected four digits in a row, got ${excerpt(text)}`);
  return guess === answer
    ? correct(guess, `${guess} is the secret`)
    : incorrect(guess, `got ${guess}, expected ${answer}`);
}

/**
 * Returns the scores of the last and of the best guess: 2 points per digit in place and 1 per digit
 * elsewhere, divided by 8; and the number of rounds without a valid guess.
 */
function scoresOf(secret: string, guesses: readonly Guess[]): Readonly<Record<string, number>> {
  const points = guesses.map((guess) => {
    if (guess === undefined) return 0;
    const { placed, misplaced } = feedbackOn(secret, guess);
    return (2 * placed + misplaced) / 8;
  });
  return {
    process: points.at(-1) ?? 0,
    process_best: Math.max(0, ...points),
    lost_rounds: guesses.filter((guess) => guess === undefined).length,
  };
}

function feedbackText(secret: string, guess: Guess): string {
  if (guess === undefined)
    return 'Your message is not of the form "Guess: [number]". Propose a number, for example: Guess: 1234';
  const { placed, misplaced } = feedbackOn(secret, guess);
  return `${placed} digits are present in the answer and in the correct positions
${misplaced} digits are present in the answer but in the different positions`;
}

function rules(rounds: number): string {
  return `Let us play a guessing game. I am thinking of a number of four digits, all different; each digit is from 0 to 9 and the first may be 0, as in 0123 or 9468. You have ${rounds} turns to find out which it is. Whenever you guess, I tell you two things:
1. how many digits of your guess are in my number at the same position,
2. how many digits of your guess are in my number, but at another position.`;
}

function askFor(turn: number): string {
  return `Turn ${turn}: give me your guess in this form, and say nothing else:\nGuess: [number]`;
}

const FINAL = `All turns are over. By what you have been told, give me your final answer:\nGuess: [number]`;
