/**
 * Checks a task before a model trains on it: the sizes of its splits, the first prompts, and whether its
 * verifier accepts gold answers and rejects an empty text.
 * @module
 */
import { SPLITS } from './split.ts';
import type { Split, Task, TaskItem } from './task.ts';

export interface SplitCheck {
  readonly split: Split;
  /** Number of prompts of the split; undefined if prompts are generated without end. */
  readonly size: number | undefined;
  readonly first: TaskItem | undefined;
}

export interface TaskCheck {
  readonly name: string;
  readonly splits: readonly SplitCheck[];
  readonly warnings: readonly string[];
  /** One line per item on which the verifier gives a wrong verdict. */
  readonly problems: readonly string[];
  /** Lengths of the prompts for the models of a team; absent if the models are not on this machine. */
  readonly lengths?: readonly SplitLengths[];
}

/** Lengths of the first contexts of a split for one tokenizer and instruction, in tokens of that tokenizer. */
export interface SplitLengths {
  readonly split: Split;
  /** Names of the agents with this tokenizer and instruction. */
  readonly agents: readonly string[];
  /** Number of measured prompts, >= 1. */
  readonly measured: number;
  readonly median: number;
  /** 95% of the prompts have at most this length. */
  readonly p95: number;
  readonly longest: { readonly item: string; readonly tokens: number };
  /** Maximum length with which max_completion_length tokens are left for a message. */
  readonly limit: number;
  /** Number of measured prompts that are longer than `limit`. */
  readonly overlong: number;
}

/** Ways to write a gold answer in a completion. The verifier must accept at least one of them. */
const ANSWER_FORMATS: readonly ((gold: string) => string)[] = [
  (gold) => gold,
  (gold) => `#${gold}`,
  (gold) => `\\boxed{${gold}}`,
  (gold) => `#### ${gold}`,
];

/** Checks a task. @param prompts - number of prompts to check per split */
export function checkTask(task: Task, prompts: number): TaskCheck {
  const splits: SplitCheck[] = [];
  const problems: string[] = [];
  for (const split of SPLITS) {
    const size = task.size(split);
    const items = Array.from({ length: Math.min(prompts, size ?? prompts) }, (_, i) => task.item(split, i));
    splits.push({ split, size, first: items[0] });
    problems.push(...items.flatMap((item) => problemsOf(task, item)));
  }
  return { name: task.name, splits, warnings: task.warnings ?? [], problems };
}

function problemsOf(task: Task, item: TaskItem): string[] {
  const found: string[] = [];
  const isAccepted = (text: string): boolean => {
    try {
      return task.verify(item, text).correct;
    } catch (error) {
      found.push(`${item.id}: the verifier failed on ${JSON.stringify(text.slice(0, 40))}: ${String(error)}`);
      return false;
    }
  };
  const { answer } = item;
  if (answer !== undefined && !ANSWER_FORMATS.some((format) => isAccepted(format(answer))))
    found.push(`${item.id}: expected its gold answer ${JSON.stringify(answer)} to be accepted, it is not`);
  if (isAccepted('')) found.push(`${item.id}: expected an empty text to be wrong, it is right`);
  return [...new Set(found)];
}
