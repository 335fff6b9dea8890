/**
 * Verdicts of a task, each text judged once: a vote asks for the answer of every message, the reward asks
 * again, and many samples of one prompt say the same.
 * @module
 */
import type { EnvironmentStep, Task, TaskItem, Verdict } from '../task/task.ts';

export class VerifierCache {
  readonly #task: Task;
  readonly #onWarning: ((message: string) => void) | undefined;
  readonly #verdicts = new Map<TaskItem, Map<string, Verdict>>();

  /** @param onWarning - told of a verifier that threw, once per item and text */
  constructor(task: Task, onWarning?: (message: string) => void) {
    this.#task = task;
    this.#onWarning = onWarning;
  }

  /**
   * The task's verdict on a text. A verifier that throws must not lose the episodes of a whole stage: the
   * text then counts as wrong, the verdict says why, and the caller is warned.
   */
  verdict(item: TaskItem, text: string): Verdict {
    let known = this.#verdicts.get(item);
    if (known === undefined) {
      known = new Map();
      this.#verdicts.set(item, known);
    }
    let verdict = known.get(text);
    if (verdict === undefined) {
      verdict = this.#judge(item, text);
      known.set(text, verdict);
    }
    return verdict;
  }

  /** The verdict on an interactive episode; a task that throws is treated as in {@link verdict}. */
  outcome(item: TaskItem, scene: EnvironmentStep): Verdict {
    try {
      return scene.verdict();
    } catch (error) {
      return this.failed(item, 'environment', error);
    }
  }

  /** What an item is worth when its task fails: the lowest reward; the caller is warned. */
  failed(item: TaskItem, part: 'verifier' | 'environment', error: unknown): Verdict {
    const why = error instanceof Error ? error.message : String(error);
    this.#onWarning?.(`task ${this.#task.name}: the ${part} failed on item ${item.id}: ${why}`);
    return { correct: false, reward: this.#task.rewardRange[0], reason: `the ${part} failed: ${why}` };
  }

  #judge(item: TaskItem, text: string): Verdict {
    try {
      return this.#task.verify(item, text);
    } catch (error) {
      return this.failed(item, 'verifier', error);
    }
  }
}
