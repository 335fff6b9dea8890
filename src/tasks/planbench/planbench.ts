/**
 * PlanBench's plan generation (task 1) for Blocksworld and Logistics: the official prompts from the official
 * files, judged as the official judge does. All of it is held out: there is nothing here to train on.
 * @see Valmeekam et al., "PlanBench", NeurIPS 2023, arXiv 2206.10498
 * @module
 */

import { BINARY_REWARD, noAnswer } from '../../grade/verdict.ts';
import { TaskError } from '../../support/errors.ts';
import { readOptions } from '../../support/options.ts';
import type { Split, Task, TaskItem, Verdict } from '../../task/task.ts';
import { readJudgeOptions } from '../planning/generator.ts';
import { DEFAULT_JUDGE, type JudgeOptions, judgePlan, planAnswer } from '../planning/judge.ts';
import type { Step } from '../planning/strips.ts';
import { type Judged, type PlanbenchInstance, readInstances } from './instances.ts';

export interface PlanbenchOptions extends JudgeOptions {
  /** An official file `task_1_plan_generation.json` of Blocksworld or Logistics. */
  readonly path: string;
  /** A second one, e.g. the 100 instances with three blocks beside the 500 with more. */
  readonly morePath: string | undefined;
}

/**
 * Reads YAML options: `path` (required), `more_path`, `accept`, `partial_credit`.
 *
 * @throws ConfigError listing everything that is wrong
 */
export function readPlanbenchOptions(record: Readonly<Record<string, unknown>>): PlanbenchOptions {
  const options = readOptions('task planbench', record);
  const read = {
    path: options.text('path', ''),
    morePath: options.optionalText('more_path'),
    ...readJudgeOptions(options),
  };
  if ((record.path ?? undefined) === undefined)
    options.reject('path', "expected the name of one of PlanBench's files of task 1, got nothing");
  options.finish();
  return read;
}

/** @throws ConfigError if a file cannot be read or an instance of it cannot be used */
export function createPlanbench(given: Pick<PlanbenchOptions, 'path'> & Partial<PlanbenchOptions>): Task {
  const options: PlanbenchOptions = { morePath: undefined, ...DEFAULT_JUDGE, ...given };
  const paths = [options.path, ...(options.morePath === undefined ? [] : [options.morePath])];
  return new PlanbenchTask(paths.flatMap(readInstances), options);
}

class PlanbenchTask implements Task {
  readonly name = 'planbench';
  readonly rewardRange = BINARY_REWARD;
  /** Absent with plans of two domains, which are read in two ways: a text does not say which it is of. */
  readonly answerOf?: (text: string) => string | undefined;
  readonly #instances: readonly PlanbenchInstance[];
  readonly #options: PlanbenchOptions;

  constructor(instances: readonly PlanbenchInstance[], options: PlanbenchOptions) {
    this.#instances = instances;
    this.#options = options;
    const [domain, ...others] = new Set(instances.map((instance) => instance.domain));
    if (domain && others.length === 0) this.answerOf = (text) => planAnswer(domain.readPlan(text));
  }

  size(split: Split): number {
    return split === 'test' ? this.#instances.length : 0;
  }

  item(split: Split, index: number): TaskItem {
    const instance = split === 'test' ? this.#instances[index] : undefined;
    if (instance === undefined)
      throw new TaskError(
        `task planbench: expected an index below ${this.size(split)} in the ${split} split, got ${index}`,
        { code: 'TROUPE_TASK_INDEX' },
      );
    const { id, prompt, statement, reference } = instance;
    return { id, prompt, problem: statement, difficulty: `${reference.length}`, data: instance };
  }

  verify(item: TaskItem, text: string): Verdict {
    return judgeAnswer(item.data as PlanbenchInstance, text, this.#options);
  }
}

/** The verdict on an answer in PlanBench's words; `optimal` counts against the shortest plan known. */
export function judgeAnswer(instance: Judged, text: string, options: JudgeOptions = DEFAULT_JUDGE): Verdict {
  const read = instance.domain.readPlan(text);
  return 'problem' in read ? noAnswer(read.problem) : judgeSteps(instance, read.plan, options);
}

/** The verdict on a plan that was read already. */
export function judgeSteps(
  { domain, problem, reference }: Judged,
  plan: readonly Step[],
  options: JudgeOptions = DEFAULT_JUDGE,
): Verdict {
  const fewest = (): number => domain.fewestActions(problem) ?? reference.length;
  return judgePlan(domain.strips, { problem, plan }, { ...options, fewest });
}
