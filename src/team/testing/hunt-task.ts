/**
 * A tiny interactive task: find the hidden letter. Every message is answered by how far its first letter is
 * from the hidden one, a few letters at most, so that what was answered matters for the next message.
 * @module
 */
import type { Environment, EnvironmentStep, PendingStep, Task, TaskItem, Verdict } from '../../task/task.ts';

/** Letters that are hidden and guessed; prompts and answers of the environment are made of them, too. */
export const HUNT_LETTERS = 'abcd';

export interface HuntOptions {
  readonly rounds?: number;
  /** Let an answerer say the distance: how many questions are asked per message. */
  readonly questions?: number;
  readonly answerer?: Environment['answerer'];
  /** Whether the distance is shifted by a draw of the environment. */
  readonly noisy?: boolean;
}

/** Item i hides letter i mod 4; its prompt is the letter that is as far from it as i / 4 says. */
export function createHunt(options: HuntOptions = {}): Task {
  const { rounds = 3, answerer } = options;
  return {
    name: 'hunt',
    rewardRange: [0, 1],
    alphabet: HUNT_LETTERS,
    environment: {
      maxTurns: rounds,
      reset: (item) => scene({ ...options, rounds }, item, { turns: 0, found: false }),
      ...(answerer && { answerer }),
    },
    size: () => undefined,
    item: (split, index) => {
      const answer = HUNT_LETTERS[index % 4];
      return { id: `${split}-${index}`, prompt: HUNT_LETTERS[Math.floor(index / 4) % 4], answer };
    },
    verify: (item, text) => judge(item, text.slice(0, 1)),
  };
}

function judge(item: TaskItem, guess: string): Verdict {
  const correct = guess === item.answer;
  return {
    correct,
    reward: Number(correct),
    reason: correct ? 'found' : `expected ${item.answer}`,
    ...(guess !== '' && { answer: guess }),
  };
}

interface Standing {
  readonly turns: number;
  readonly found: boolean;
  readonly last?: string;
  readonly reply?: string;
}

function scene(
  options: HuntOptions & { readonly rounds: number },
  item: TaskItem,
  at: Standing,
): EnvironmentStep {
  return {
    done: at.found || at.turns >= options.rounds,
    ...(at.reply !== undefined && { observation: at.reply }),
    step(text, stream) {
      const last = text.slice(0, 1);
      const found = last === item.answer;
      const distance = HUNT_LETTERS.indexOf(item.answer ?? '') - HUNT_LETTERS.indexOf(last);
      const shift = options.noisy ? stream.int(4) : 0;
      const next = (reply: string): EnvironmentStep =>
        scene(options, item, { turns: at.turns + 1, found, last, reply });
      const ask = (left: number, said: string): EnvironmentStep | PendingStep =>
        left === 0
          ? next(said)
          : {
              question: { messages: [{ role: 'user', content: `${item.id} ${text} ${left}` }] },
              resume: (reply) => ask(left - 1, said + reply),
            };
      const own = last === '' ? '' : HUNT_LETTERS[(((distance + shift) % 4) + 4) % 4];
      return options.questions ? ask(options.questions, '') : next(own);
    },
    verdict: () => judge(item, at.found ? (item.answer ?? '') : (at.last ?? '')),
  };
}
