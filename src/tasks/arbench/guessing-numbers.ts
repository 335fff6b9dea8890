/**
 * AR-Bench GN: find a number of four different digits in 25 guesses and name it in the end. The official rules,
 * feedback and scores; complete without any file, because a secret is any of the 5,040.
 *
 * Differs from the official code: the rules stand in the first user message, not in a system message, and what
 * follows on an answer is one user message with it; the words are our own. A message without four digits in a row
 * costs a round (the official code stops there). Where a guess repeats a digit, each digit of the secret answers
 * for one of the guess.
 * @see Zhou et al., "From passive to active reasoning", arXiv 2506.08295; github.com/tmlr-group/AR-Bench
 * @module
 */

import { afterThinking } from '../../grade/after-thinking.ts';
import { BINARY_REWARD, excerpt, noAnswer, right, wrong } from '../../grade/verdict.ts';
import { readOptions } from '../../support/options.ts';
import type { EnvironmentStep, Task, TaskItem, Verdict } from '../../task/task.ts';
import { codesOf, feedbackOn, isCode } from '../guess-number/code.ts';
import { kindOf, type Read, readList, recordAt, splitLists } from './records.ts';

const NAME = 'arbench-gn';
const SHAPE = { digits: 4, symbols: 10, repeats: false } as const;

export interface GuessingNumbersOptions {
  /** Official list of test secrets, all held out. Default: secrets whose hash says so. */
  readonly path: string | undefined;
  /** Official list of training secrets. Default: all that are not held out. */
  readonly trainPath: string | undefined;
  readonly rounds: number;
}

/**
 * Reads YAML options: `path`, `train_path`, `rounds` (1..100, default 25).
 *
 * @throws ConfigError listing everything that is wrong
 */
export function readGuessingNumbersOptions(
  record: Readonly<Record<string, unknown>>,
): GuessingNumbersOptions {
  const options = readOptions(`task ${NAME}`, record);
  const read = {
    path: options.optionalText('path'),
    trainPath: options.optionalText('train_path'),
    rounds: options.integer('rounds', { default: 25, min: 1, max: 100 }),
  };
  options.finish();
  return read;
}

/** @throws ConfigError naming the record of a file that is no secret */
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
    // without a list for training every secret is in it, the ones of the test split too: leaving those out is no news
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
      reset: (item) => scene({ item, rounds }, []),
    },
  };
}

function readSecret(value: unknown): Read<string> {
  return typeof value === 'string' && isCode(value, SHAPE)
    ? { record: value }
    : { expected: `four different digits, got ${kindOf(value)}` };
}

/** A guess, or undefined where a message had none. */
type Guess = string | undefined;

function scene(
  game: { readonly item: TaskItem; readonly rounds: number },
  messages: readonly string[],
  reply?: string,
): EnvironmentStep {
  const { item, rounds } = game;
  return {
    done: messages.length > rounds,
    ...(reply !== undefined && { observation: reply }),
    step(text) {
      const said = [...messages, text];
      if (said.length > rounds) return scene(game, said);
      const next = said.length === rounds ? FINAL : askFor(said.length + 1);
      return scene(game, said, `${feedbackText(item.answer ?? '', guessOf(text))}\n\n${next}`);
    },
    verdict() {
      const final = messages.length > rounds ? messages.at(-1) : undefined;
      const verdict = final === undefined ? noAnswer('the final guess is missing') : verdictOf(item, final);
      return { ...verdict, scores: scoresOf(item.answer ?? '', messages.slice(0, rounds).map(guessOf)) };
    },
  };
}

/** The last four digits in a row. */
function guessOf(text: string): Guess {
  return [...afterThinking(text).matchAll(/\d{4}/g)].at(-1)?.[0];
}

function verdictOf({ answer = '' }: TaskItem, text: string): Verdict {
  const guess = guessOf(text);
  if (guess === undefined) return noAnswer(`expected four digits in a row, got ${excerpt(text)}`);
  return guess === answer
    ? right(guess, `${guess} is the secret`)
    : wrong(guess, `got ${guess}, expected ${answer}`);
}

/** Process: 2 points per digit in place and 1 per digit elsewhere, of 8, for the last guess and for the best. */
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
