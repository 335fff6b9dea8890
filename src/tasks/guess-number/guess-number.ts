/**
 * The interactive task `guess-number`: guess a secret number. The feedback on a guess is the number of digits
 * in the right place and the number of further digits that occur elsewhere. This small task requires a team
 * to use observations. A guess that is consistent with all feedback is better than one that is not, and a
 * base model that was pretrained on both kinds of guesses can produce either.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import { BINARY_REWARD, correct, excerpt, incorrect, noAnswer } from '../../grade/verdict.ts';
import { defineTask } from '../../task/definition.ts';
import { drawFromSplit } from '../../task/split.ts';
import type {
  Demonstration,
  Environment,
  EnvironmentStep,
  Split,
  Task,
  TaskItem,
  Verdict,
} from '../../task/task.ts';
import { type Clue, codesOf, feedbackOn, fits, isCode } from './code.ts';
import { DEFAULT_GUESS_NUMBER, type GuessNumberOptions, guessNumberOptions } from './options.ts';
import { goodGuess } from './strategy.ts';

/** Observation of the team after a message that is not a code. */
const NOT_UNDERSTOOD = '?';

/** Data of an item: the secret, and the clues of the prompt. */
interface Secret {
  readonly key: string;
  readonly secret: string;
  readonly clues: readonly Clue[];
}

/** The task `guess-number` of a team file. */
export const guessNumber = defineTask({
  name: 'guess-number',
  about: 'guess a secret from the feedback on each guess: interactive, endless',
  options: guessNumberOptions,
  create: (options) => createGuessNumber(options),
});

export function createGuessNumber(partial: Partial<GuessNumberOptions> = {}): Task {
  const options = { ...DEFAULT_GUESS_NUMBER, ...partial };
  const codes = codesOf(options);
  const environment: Environment = {
    maxTurns: options.rounds,
    reset: (item) => new GuessStep(options, item.data as Secret),
  };
  return {
    name: 'guess-number',
    rewardRange: BINARY_REWARD,
    alphabet: `0123456789: ${NOT_UNDERSTOOD}`,
    environment,
    size: () => undefined,
    item(split: Split, index: number): TaskItem {
      const at = { seed: options.seed, split, index };
      const secret = drawFromSplit('task guess-number', (stream) => drawSecret(codes, options, stream), at);
      const clues = secret.clues.map((clue) => `${clue.guess}:${feedbackText(clue)}`);
      const prompt = clues.join(' ') || NOT_UNDERSTOOD;
      // the same clues with a different secret are a different problem
      const problem = `${prompt} = ${secret.secret}`;
      return { id: `${split}-${index}`, prompt, problem, answer: secret.secret, data: secret };
    },
    verify(item, text): Verdict {
      const guess = text.trim();
      if (!isCode(guess, options)) return noAnswer(`expected ${shapeText(options)}, got ${excerpt(text)}`);
      return guess === item.answer
        ? correct(guess, `${guess} is the secret`)
        : incorrect(guess, `got ${guess}, expected ${item.answer}`);
    },
    demonstrate: (item, stream) => demonstrationOf(item.data as Secret, { codes, options, stream }),
  };
}

/**
 * Draws a secret and distinct guesses other than the secret, which become clues. The key of the problem does
 * not depend on the order of the clues.
 */
function drawSecret(codes: readonly string[], { clues }: GuessNumberOptions, stream: RandomStream): Secret {
  const secret = codes[stream.int(codes.length)];
  const guesses = new Set<string>();
  while (guesses.size < Math.min(clues, codes.length - 1)) {
    const guess = codes[stream.int(codes.length)];
    if (guess !== secret) guesses.add(guess);
  }
  return {
    key: `${[...guesses].sort().join()}>${secret}`,
    secret,
    clues: [...guesses].map((guess) => ({ guess, ...feedbackOn(secret, guess) })),
  };
}

/**
 * Writes the feedback as an observation: the number of digits in place, then the number of digits elsewhere.
 */
function feedbackText({ placed, misplaced }: Pick<Clue, 'placed' | 'misplaced'>): string {
  return `${placed}${misplaced}`;
}

function shapeText({ digits, symbols, repeats }: GuessNumberOptions): string {
  return `${digits} ${repeats ? '' : 'different '}digits from 0 to ${symbols - 1}`;
}

/** Summary of the messages of an episode so far. */
interface History {
  readonly turns: number;
  /** The messages that are valid codes, with their feedback. */
  readonly guesses: readonly Clue[];
  /** Number of guesses that were consistent with all feedback before them. */
  readonly consistent: number;
}

class GuessStep implements EnvironmentStep {
  readonly done: boolean;
  readonly observation?: string;
  readonly #options: GuessNumberOptions;
  readonly #item: Secret;
  readonly #history: History;
  readonly #solved: boolean;

  constructor(
    options: GuessNumberOptions,
    item: Secret,
    past: { readonly history: History; readonly reply?: string } = {
      history: { turns: 0, guesses: [], consistent: 0 },
    },
  ) {
    this.#options = options;
    this.#item = item;
    this.#history = past.history;
    if (past.reply !== undefined) this.observation = past.reply;
    this.#solved = past.history.guesses.at(-1)?.placed === options.digits;
    this.done = this.#solved || past.history.turns >= options.rounds;
  }

  step(text: string): EnvironmentStep {
    const { turns, guesses, consistent } = this.#history;
    const guess = text.trim();
    if (!isCode(guess, this.#options))
      return this.#next({ turns: turns + 1, guesses, consistent }, NOT_UNDERSTOOD);
    const { secret, clues } = this.#item;
    const clue: Clue = { guess, ...feedbackOn(secret, guess) };
    const isConsistent = fits(guess, [...clues, ...guesses]);
    const history = {
      turns: turns + 1,
      guesses: [...guesses, clue],
      consistent: consistent + Number(isConsistent),
    };
    return this.#next(history, feedbackText(clue));
  }

  verdict(): Verdict {
    const { turns, guesses, consistent } = this.#history;
    const { digits, rounds, speed, process } = this.#options;
    const { secret } = this.#item;
    const last = guesses.at(-1);
    const points = guesses.map(({ placed, misplaced }) => (2 * placed + misplaced) / (2 * digits));
    const best = Math.max(0, ...points);
    const lateness = rounds > 1 ? (turns - 1) / (rounds - 1) : 0;
    return {
      correct: this.#solved,
      reward: this.#solved ? 1 - speed * lateness : process * best,
      ...(last && { answer: last.guess }),
      reason: this.#solved
        ? `found ${secret} with guess ${turns}`
        : `${turns} of ${rounds} guesses, expected ${secret}`,
      scores: { turns, best, consistent: turns === 0 ? 0 : consistent / turns },
    };
  }

  #next(history: History, reply: string): GuessStep {
    return new GuessStep(this.#options, this.#item, { history, reply });
  }
}

/**
 * Plays an episode as a demonstration. Each guess is, with probability `consistentShare`, consistent with all
 * feedback; otherwise it is a random code.
 */
function demonstrationOf(
  { secret, clues }: Secret,
  {
    codes,
    options,
    stream,
  }: {
    readonly codes: readonly string[];
    readonly options: GuessNumberOptions;
    readonly stream: RandomStream;
  },
): Demonstration {
  const messages: string[] = [];
  const replies: string[] = [];
  let candidates = codes.filter((code) => fits(code, clues));
  for (let turn = 0; turn < options.rounds && messages.at(-1) !== secret; turn++) {
    const isGood = stream.uniform() < options.consistentShare;
    const guess = isGood ? goodGuess(candidates, options.strategy, stream) : codes[stream.int(codes.length)];
    const clue: Clue = { guess, ...feedbackOn(secret, guess) };
    messages.push(guess);
    replies.push(feedbackText(clue));
    candidates = candidates.filter((code) => fits(code, [clue]));
  }
  return { messages, observations: replies };
}
