/**
 * A small interactive task: find the hidden letter. The environment replies to each message with the distance
 * between the message's first letter and the hidden letter, so a reply helps to choose the next message.
 * @module
 */
import type { Environment, EnvironmentStep, PendingStep, Task, TaskItem, Verdict } from '../../task/task.ts';

/** The alphabet of hidden letters, guesses, prompts and replies. */
export const HUNT_LETTERS = 'abcd';

export interface HuntOptions {
  readonly rounds?: number;
  /**
   * Number of questions that the environment asks per message to the answerer, the function that answers its
   * questions. If > 0, the reply consists of the answers and not of the distance.
   */
  readonly questions?: number;
  readonly answerer?: Environment['answerer'];
  /** If true, the environment draws a random shift and adds it to the distance. */
  readonly noisy?: boolean;
}

/**
 * Creates the task. The hidden letter of item i is letter i mod 4; its prompt is letter floor(i / 4) mod 4.
 */
export function createHunt(options: HuntOptions = {}): Task {
  const { rounds = 3, answerer } = options;
  return {
    name: 'hunt',
    rewardRange: [0, 1],
    alphabet: HUNT_LETTERS,
    environment: {
      maxTurns: rounds,
      reset: (item) => environmentStep({ ...options, rounds }, item, { turns: 0, found: false }),
      ...(answerer && { answerer }),
    },
    size: () => undefined,
    item: (split, index) => {
      const answer = HUNT_LETTERS[index % 4];
      return { id: `${split}-${index}`, prompt: HUNT_LETTERS[Math.floor(index / 4) % 4], answer };
    },
    verify: (item, text) => verdictOf(item, text.slice(0, 1)),
  };
}

function verdictOf(item: TaskItem, guess: string): Verdict {
  const correct = guess === item.answer;
  return {
    correct,
    reward: Number(correct),
    reason: correct ? 'found' : `expected ${item.answer}`,
    ...(guess !== '' && { answer: guess }),
  };
}

interface HuntState {
  readonly turns: number;
  readonly found: boolean;
  readonly last?: string;
  readonly reply?: string;
}

function environmentStep(
  options: HuntOptions & { readonly rounds: number },
  item: TaskItem,
  state: HuntState,
): EnvironmentStep {
  return {
    done: state.found || state.turns >= options.rounds,
    ...(state.reply !== undefined && { observation: state.reply }),
    step(text, stream) {
      const last = text.slice(0, 1);
      const found = last === item.answer;
      const distance = HUNT_LETTERS.indexOf(item.answer ?? '') - HUNT_LETTERS.indexOf(last);
      const shift = options.noisy ? stream.int(4) : 0;
      const next = (reply: string): EnvironmentStep =>
        environmentStep(options, item, { turns: state.turns + 1, found, last, reply });
      const ask = (left: number, answers: string): EnvironmentStep | PendingStep =>
        left === 0
          ? next(answers)
          : {
              question: { messages: [{ role: 'user', content: `${item.id} ${text} ${left}` }] },
              resume: (reply) => ask(left - 1, answers + reply),
            };
      const own = last === '' ? '' : HUNT_LETTERS[(((distance + shift) % 4) + 4) % 4];
      return options.questions ? ask(options.questions, '') : next(own);
    },
    verdict: () => verdictOf(item, state.found ? (item.answer ?? '') : (state.last ?? '')),
  };
}
