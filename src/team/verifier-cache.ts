/**
 * Cache of a task's verdicts by item and text. A vote and the reward need the verdict of the same message, and many
 * samples of one prompt are equal.
 * @module
 */
import type { EnvironmentStep, Task, TaskItem, Verdict } from '../task/task.ts';

export class VerifierCache {
  readonly #task: Task;
  readonly #onWarning: ((message: string) => void) | undefined;
  readonly #verdicts = new Map<TaskItem, Map<string, Verdict>>();

  /** @param onWarning - called when the verifier throws, once per item and text */
  constructor(task: Task, onWarning?: (message: string) => void) {
    this.#task = task;
    this.#onWarning = onWarning;
  }

  /**
   * Returns the task's verdict on a text. If the verifier throws, the text counts as wrong, the verdict's
   * reason contains the error, and a warning is issued. One error thus does not lose the episodes of a stage.
   */
  verdict(item: TaskItem, text: string): Verdict {
    let known = this.#verdicts.get(item);
    if (known === undefined) {
      known = new Map();
      this.#verdicts.set(item, known);
    }
    let verdict = known.get(text);
    if (verdict === undefined) {
      verdict = this.#verify(item, text);
      known.set(text, verdict);
    }
    return verdict;
  }

  /** Returns the verdict on an interactive episode. Errors of the task are handled as in {@link verdict}. */
  episodeVerdict(item: TaskItem, lastStep: EnvironmentStep): Verdict {
    try {
      return lastStep.verdict();
    } catch (error) {
      return this.failureVerdict(item, 'environment', error);
    }
  }

  /** Returns the verdict on an answer that was cut off: wrong, with the lowest reward, without an answer. */
  cutOffVerdict(): Verdict {
    const reason = 'the message was cut off before its end token (train.truncated: wrong)';
    return { correct: false, reward: this.#task.rewardRange[0], reason };
  }

  /** Issues a warning. Returns the verdict on an episode whose task failed: wrong, with the lowest reward. */
  failureVerdict(item: TaskItem, part: 'verifier' | 'environment', error: unknown): Verdict {
    const why = error instanceof Error ? error.message : String(error);
    this.#onWarning?.(`task ${this.#task.name}: the ${part} failed on item ${item.id}: ${why}`);
    return { correct: false, reward: this.#task.rewardRange[0], reason: `the ${part} failed: ${why}` };
  }

  #verify(item: TaskItem, text: string): Verdict {
    try {
      return this.#task.verify(item, text);
    } catch (error) {
      return this.failureVerdict(item, 'verifier', error);
    }
  }
}
