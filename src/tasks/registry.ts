/**
 * Tasks by name, as a config file asks for them.
 * @module
 */
import { ConfigError, TaskError } from '../support/errors.ts';
import { nearestName } from '../support/nearest.ts';
import { SPLITS } from '../task/split.ts';
import type { Split, Task } from '../task/task.ts';
import type { AnswererFactory } from './shared/answerer-options.ts';

type Options = Readonly<Record<string, unknown>>;

/** What a task may be given besides its options. */
export interface TaskContext {
  /** Makes whoever answers an environment's questions; absent: nobody does, and such a task cannot be played. */
  readonly answerer?: AnswererFactory;
}

/** Imported on demand: a run loads the module of its own task only. */
const TASKS = {
  'arbench-dc': async (options, context) => {
    const { createDetectiveCases, readDetectiveCasesOptions } = await import('./arbench/detective-cases.ts');
    const { answerer, ...read } = readDetectiveCasesOptions(options);
    return createDetectiveCases(read, context.answerer?.(answerer));
  },
  'arbench-gn': async (options) => {
    const { createGuessingNumbers, readGuessingNumbersOptions } = await import(
      './arbench/guessing-numbers.ts'
    );
    return createGuessingNumbers(readGuessingNumbersOptions(options));
  },
  'arbench-sp': async (options, context) => {
    const { createSituationPuzzles, readSituationPuzzlesOptions } = await import(
      './arbench/situation-puzzles.ts'
    );
    const { answerer, ...read } = readSituationPuzzlesOptions(options);
    return createSituationPuzzles(read, context.answerer?.(answerer));
  },
  arithmetic: async (options) => {
    const { createArithmetic, readArithmeticOptions } = await import('./arithmetic/arithmetic.ts');
    return createArithmetic(readArithmeticOptions(options));
  },
  autologi: async (options) => {
    const { createAutoLogi, readAutoLogiOptions } = await import('./autologi/autologi.ts');
    return createAutoLogi(readAutoLogiOptions(options));
  },
  blocksworld: async (options) => {
    const { createBlocksworld, readBlocksworldOptions } = await import('./blocksworld/blocksworld.ts');
    return createBlocksworld(readBlocksworldOptions(options));
  },
  countdown: async (options) => {
    const { createCountdown, readCountdownOptions } = await import('./countdown/countdown.ts');
    return createCountdown(readCountdownOptions(options));
  },
  digits: async (options) => {
    const { createDigits, readDigitsOptions } = await import('./digits/digits.ts');
    return createDigits(readDigitsOptions(options));
  },
  'guess-number': async (options) => {
    const { createGuessNumber } = await import('./guess-number/guess-number.ts');
    const { readGuessNumberOptions } = await import('./guess-number/options.ts');
    return createGuessNumber(readGuessNumberOptions(options));
  },
  jsonl: async (options) => {
    const { createJsonl, readJsonlOptions } = await import('./jsonl/jsonl.ts');
    return createJsonl(readJsonlOptions(options));
  },
  logistics: async (options) => {
    const { createLogistics, readLogisticsOptions } = await import('./logistics/logistics.ts');
    return createLogistics(readLogisticsOptions(options));
  },
  planbench: async (options) => {
    const { createPlanbench, readPlanbenchOptions } = await import('./planbench/planbench.ts');
    return createPlanbench(readPlanbenchOptions(options));
  },
  zebra: async (options) => {
    const { createZebra } = await import('./zebra/zebra.ts');
    const { readZebraOptions } = await import('./zebra/options.ts');
    return createZebra(readZebraOptions(options));
  },
  zebralogic: async (options) => {
    const { createZebraLogic, readZebraLogicOptions } = await import('./zebra/zebralogic.ts');
    return createZebraLogic(readZebraLogicOptions(options));
  },
} as const satisfies Readonly<Record<string, (options: Options, context: TaskContext) => Promise<Task>>>;

type TaskName = keyof typeof TASKS;

/** What each task is, in one line: `troupe tasks` shows it. */
export const TASK_ABOUT: Readonly<Record<TaskName, string>> = {
  'arbench-dc': 'AR-Bench DC: question suspects, played by a model, and name the murderer: interactive',
  'arbench-gn': 'AR-Bench GN: guess four digits in 25 rounds: interactive',
  'arbench-sp': 'AR-Bench SP: ask a referee, who is a model, what lies behind a story: interactive',
  arithmetic: 'chains of integers to work out, endless',
  autologi: 'the benchmark AutoLogi, for evaluation alone',
  blocksworld: 'towers of blocks to rebuild, in a compact notation or in the words of PlanBench, endless',
  countdown: 'reach a target from given numbers with + - * /, endless',
  digits: 'a sum whose digits are written by different agents, endless',
  'guess-number': 'guess a secret from what the environment says to each guess: interactive, endless',
  jsonl: 'any JSON-lines file with prompts and answers, judged by a named verifier',
  logistics:
    'packages to bring by truck and airplane, in a compact notation or in the words of PlanBench, endless',
  planbench: 'plan generation of the benchmark PlanBench (Blocksworld, Logistics), for evaluation alone',
  zebra: 'who lives where, from clues with one solution, endless',
  zebralogic: 'the benchmark ZebraLogic, for evaluation alone',
};

export const taskNames: readonly string[] = Object.keys(TASKS);

/**
 * Creates a task from options as YAML has them (snake_case keys; `docs/tasks.md` lists them). With the option
 * `module` it is the task of that TypeScript module, and `name` is just what it is called.
 *
 * @throws ConfigError for an unknown task, unknown or wrong options, unusable files, or options under
 *   which a split would be empty
 *
 * @example
 * const task = await createTask('arithmetic', { operands: 2 });
 * task.item('train', 0).prompt.endsWith('='); // => true
 */
export async function createTask(
  name: string,
  options: Options = {},
  context: TaskContext = {},
): Promise<Task> {
  if (options.module !== undefined) {
    const { createModuleTask } = await import('./module/module.ts');
    return checked(await createModuleTask(name, options));
  }
  if (!Object.hasOwn(TASKS, name)) {
    const nearest = nearestName(name, taskNames);
    const help =
      nearest === undefined ? `the tasks are ${taskNames.join(', ')}` : `did you mean "${nearest}"?`;
    throw new ConfigError(`unknown task "${name}"; ${help}`, {
      code: 'TROUPE_CONFIG_TASK',
      issues: [
        {
          path: 'name',
          message: nearest === undefined ? `unknown task "${name}"; ${help}` : `unknown task "${name}"`,
          ...(nearest === undefined ? {} : { suggestion: nearest }),
        },
      ],
    });
  }
  return checked(await TASKS[name as TaskName](options, context)); // hasOwn, above
}

function checked(task: Task): Task {
  for (const split of SPLITS) requireItem(task, split);
  return task;
}

/** A generator whose options allow too few problems is refused now rather than in the middle of a run. */
function requireItem(task: Task, split: Split): void {
  if (task.size(split) !== undefined) return;
  try {
    task.item(split, 0);
  } catch (cause) {
    if (!(cause instanceof TaskError)) throw cause;
    throw new ConfigError(cause.message, { code: 'TROUPE_CONFIG_TASK', cause });
  }
}
