/**
 * A task that `troupe tasks init` created: sums of three numbers. Replace the data, the prompt and the
 * verifier by your own. `task.test.mjs` tests that they agree.
 */
import type { ModuleContext, ModuleItem, ModuleVerdict, TaskItem } from 'troupe';

/** Description in one line. */
export const about = 'sums of three numbers';

/**
 * Options of the task with their defaults. A team file can set them:
 * `task: { module: ./task.ts, largest: 50 }`.
 */
export const options = { largest: 99 };

/**
 * Reads all problems, one per line of `data.jsonl`. The hash of `key` determines the split: train, validation
 * or test.
 */
export function* items({ readJsonLines, options: { largest } }: ModuleContext): Generator<ModuleItem> {
  for (const { numbers, sum } of readJsonLines('data.jsonl') as readonly {
    numbers: number[];
    sum: number;
  }[]) {
    if (Math.max(...numbers) > Number(largest)) continue;
    yield {
      prompt: prompt(numbers),
      answer: sum,
      key: [...numbers].sort((a, b) => a - b).join('+'), // the same numbers in another order are the same problem
      difficulty: `${String(sum).length} digits`,
    };
  }
}

/** The prompt of a problem. */
function prompt(numbers: readonly number[]): string {
  return `${numbers.join('+')}=`;
}

/** Grades a text. The answer is the integer after the last `#`. Votes count the `answer` of the verdict. */
export function verify(item: TaskItem, text: string): ModuleVerdict {
  const found = /#(-?\d{1,9})\s*$/.exec(text)?.[1];
  if (found === undefined) return { correct: false, reason: 'the text does not end in "#" and an integer' };
  const answer = String(Number(found));
  const correct = answer === item.answer;
  return {
    correct,
    answer,
    reason: correct ? `${answer} is correct` : `got ${answer}, expected ${item.answer}`,
  };
}

/** Optional: returns a text that solves a problem (the steps, then the answer), for `troupe pretrain`. */
export function demonstrate({ prompt: problem, answer }: TaskItem): string {
  const [a = 0, b = 0, c = 0] = problem.split(/[+=]/).map(Number);
  return `${a}+${b}=${a + b};${a + b}+${c}=${answer}#${answer}`;
}

/** All characters of prompts and answers: `troupe pretrain` builds the tokenizer of a base model from them. */
export const alphabet = '0123456789+=;#';
