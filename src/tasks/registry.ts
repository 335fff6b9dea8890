/**
 * Tasks by name, as a config file asks for them.
 * @module
 */
import { ConfigError, TaskError } from '../support/errors.ts';
import { nearestName } from '../support/nearest.ts';
import { SPLITS } from '../task/split.ts';
import type { Split, Task } from '../task/task.ts';
import { createDetectiveCases, readDetectiveCasesOptions } from './arbench/detective-cases.ts';
import { createGuessingNumbers, readGuessingNumbersOptions } from './arbench/guessing-numbers.ts';
import { createSituationPuzzles, readSituationPuzzlesOptions } from './arbench/situation-puzzles.ts';
import { createArithmetic, readArithmeticOptions } from './arithmetic/arithmetic.ts';
import { createAutoLogi, readAutoLogiOptions } from './autologi/autologi.ts';
import { createBlocksworld, readBlocksworldOptions } from './blocksworld/blocksworld.ts';
import { createCountdown, readCountdownOptions } from './countdown/countdown.ts';
import { createDigits, readDigitsOptions } from './digits/digits.ts';
import { createGuessNumber } from './guess-number/guess-number.ts';
import { readGuessNumberOptions } from './guess-number/options.ts';
import { createJsonl, readJsonlOptions } from './jsonl/jsonl.ts';
import { createLogistics, readLogisticsOptions } from './logistics/logistics.ts';
import { createModuleTask } from './module/module.ts';
import { createPlanbench, readPlanbenchOptions } from './planbench/planbench.ts';
import type { AnswererFactory } from './shared/answerer-options.ts';
import { readZebraOptions } from './zebra/options.ts';
import { createZebra } from './zebra/zebra.ts';
import { createZebraLogic, readZebraLogicOptions } from './zebra/zebralogic.ts';

type Options = Readonly<Record<string, unknown>>;

/** What a task may be given besides its options. */
export interface TaskContext {
  /** Makes whoever answers an environment's questions; absent: nobody does, and such a task cannot be played. */
  readonly answerer?: AnswererFactory;
}

const TASKS = {
  'arbench-dc': (options, context) => {
    const { answerer, ...read } = readDetectiveCasesOptions(options);
    return createDetectiveCases(read, context.answerer?.(answerer));
  },
  'arbench-gn': (options) => createGuessingNumbers(readGuessingNumbersOptions(options)),
  'arbench-sp': (options, context) => {
    const { answerer, ...read } = readSituationPuzzlesOptions(options);
    return createSituationPuzzles(read, context.answerer?.(answerer));
  },
  arithmetic: (options) => createArithmetic(readArithmeticOptions(options)),
  autologi: (options) => createAutoLogi(readAutoLogiOptions(options)),
  blocksworld: (options) => createBlocksworld(readBlocksworldOptions(options)),
  countdown: (options) => createCountdown(readCountdownOptions(options)),
  digits: (options) => createDigits(readDigitsOptions(options)),
  'guess-number': (options) => createGuessNumber(readGuessNumberOptions(options)),
  jsonl: (options) => createJsonl(readJsonlOptions(options)),
  logistics: (options) => createLogistics(readLogisticsOptions(options)),
  planbench: (options) => createPlanbench(readPlanbenchOptions(options)),
  zebra: (options) => createZebra(readZebraOptions(options)),
  zebralogic: (options) => createZebraLogic(readZebraLogicOptions(options)),
} as const satisfies Readonly<Record<string, (options: Options, context: TaskContext) => Task>>;

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
 * createTask('arithmetic', { operands: 2 }).item('train', 0).prompt.endsWith('='); // => true
 */
export function createTask(name: string, options: Options = {}, context: TaskContext = {}): Task {
  if (options.module !== undefined) return checked(createModuleTask(name, options));
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
  return checked(TASKS[name as TaskName](options, context)); // hasOwn, above
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
