/**
 * The task `planbench`: PlanBench's plan generation (task 1) for Blocksworld and Logistics, with the prompts of the
 * official files, verified like the official evaluator. For evaluation only: all instances are in the test split.
 * @see Valmeekam et al., "PlanBench", NeurIPS 2023, arXiv 2206.10498
 * @module
 */
import { z } from 'zod';
import { BINARY_REWARD, noAnswer } from '../../grade/verdict.ts';
import { text } from '../../schema/fields.ts';
import { type GivenOptions, withDefaults } from '../../schema/options.ts';
import { TaskError } from '../../support/errors.ts';
import { defineTask } from '../../task/definition.ts';
import type { Split, Task, TaskItem, Verdict } from '../../task/task.ts';
import { planVerifierOptions } from '../planning/generator.ts';
import type { Step } from '../planning/strips.ts';
import {
  DEFAULT_PLAN_VERIFIER,
  type PlanVerifierOptions,
  planAnswer,
  verifyPlan,
} from '../planning/verify-plan.ts';
import { type PlanbenchInstance, readInstances, type VerifiableInstance } from './instances.ts';

export interface PlanbenchOptions extends PlanVerifierOptions {
  /** Path of an official file `task_1_plan_generation.json` of Blocksworld or Logistics. */
  readonly path: string;
  /**
   * Path of a second file, e.g. the 100 Blocksworld instances with three blocks in addition to the 500 with
   * more blocks.
   */
  readonly morePath: string | undefined;
}

/** The task `planbench` of a team file. */
export const planbench = defineTask({
  name: 'planbench',
  about: 'plan generation of the benchmark PlanBench (Blocksworld, Logistics), for evaluation only',
  options: z.strictObject({
    path: text("the name of one of PlanBench's files of task 1").describe(
      'An official `task_1_plan_generation.json` of Blocksworld or Logistics.',
    ),
    more_path: text("the name of one of PlanBench's files of task 1")
      .optional()
      .describe('A second file: Blocksworld is usually reported over its 500 + 100 prompts.'),
    ...planVerifierOptions,
  }),
  create: (options) => createPlanbench(options),
});

/** Creates the task. @throws ConfigError if a file cannot be read or one of its instances cannot be used */
export function createPlanbench(
  given: Pick<PlanbenchOptions, 'path'> & GivenOptions<PlanbenchOptions>,
): Task {
  const { path, morePath } = given;
  const options = withDefaults<PlanbenchOptions>({ ...DEFAULT_PLAN_VERIFIER, path, morePath }, given);
  const paths = [path, ...(morePath === undefined ? [] : [morePath])];
  return new PlanbenchTask(paths.flatMap(readInstances), options);
}

class PlanbenchTask implements Task {
  readonly name = 'planbench';
  readonly rewardRange = BINARY_REWARD;
  /**
   * Absent if the files have instances of two domains, because the text of a plan does not determine its
   * domain.
   */
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
    return verifyAnswer(item.data as PlanbenchInstance, text, this.#options);
  }
}

/**
 * Grades an answer in PlanBench's wording. With `accept: optimal` the plan must be as short as the shortest
 * known plan.
 */
export function verifyAnswer(
  instance: VerifiableInstance,
  text: string,
  options: PlanVerifierOptions = DEFAULT_PLAN_VERIFIER,
): Verdict {
  const read = instance.domain.readPlan(text);
  return 'problem' in read ? noAnswer(read.problem) : verifySteps(instance, read.plan, options);
}

/** Grades a plan that has already been parsed. */
export function verifySteps(
  { domain, problem, reference }: VerifiableInstance,
  plan: readonly Step[],
  options: PlanVerifierOptions = DEFAULT_PLAN_VERIFIER,
): Verdict {
  const fewest = (): number => domain.fewestActions(problem) ?? reference.length;
  return verifyPlan(domain.strips, { problem, plan }, { ...options, fewest });
}
