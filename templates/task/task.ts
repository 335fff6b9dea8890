/**
 * Sums of three numbers: the task `troupe tasks init` starts you with. Replace the data, the prompt and the
 * verifier by your own; the test beside this file says whether they fit together.
 */
import type { ModuleContext, ModuleItem, ModuleVerdict, TaskItem } from 'troupe';

export const about = 'sums of three numbers';

/** Options of the team file's task section (`task: { module: ./task.ts, largest: 50 }`), with their defaults. */
export const options = { largest: 99 };

/** The problems: one per line of data.jsonl, sorted into train, validation and test by the hash of `key`. */
export function* items({ readJsonLines, options: { largest } }: ModuleContext): Generator<ModuleItem> {
  for (const { numbers, sum } of readJsonLines('data.jsonl') as readonly {
    numbers: number[];
    sum: number;
  }[]) {
    if (Math.max(...numbers) > Number(largest)) continue;
    yield {
      prompt: prompt(numbers),
      answer: sum,
      key: [...numbers].sort((a, b) => a - b).join('+'), // the same problem in another order is not a new one
      difficulty: `${String(sum).length} digits`,
    };
  }
}

/** What the team is asked. */
function prompt(numbers: readonly number[]): string {
  return `${numbers.join('+')}=`;
}

/** The answer is the integer behind the last `#`. `answer` is what votes are counted on. */
export function verify(item: TaskItem, text: string): ModuleVerdict {
  const found = /#(-?\d{1,9})\s*$/.exec(text)?.[1];
  if (found === undefined) return { correct: false, reason: 'no number behind a "#" at the end' };
  const answer = String(Number(found));
  const correct = answer === item.answer;
  return {
    correct,
    answer,
    reason: correct ? `${answer} is right` : `got ${answer}, expected ${item.answer}`,
  };
}

/** A text that solves an item, for `troupe pretrain`: the steps, then the answer. Leave it out if you have none. */
export function demonstrate({ prompt: asked, answer }: TaskItem): string {
  const [a = 0, b = 0, c = 0] = asked.split(/[+=]/).map(Number);
  return `${a}+${b}=${a + b};${a + b}+${c}=${answer}#${answer}`;
}

/** Characters that prompts and answers can contain: what a base model's tokenizer is made of. */
export const alphabet = '0123456789+=;#';
