/**
 * Tasks that a user wrote as one TypeScript module (`contract.ts` describes its exports). All values from the
 * module are checked, so that a mistake gives a one-line error with the file's name.
 * @module
 */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { RandomStream } from '../../core/rng.ts';
import { randomStream } from '../../core/rng.ts';
import { createVerifier, VERIFIER_NAMES, type VerifierName } from '../../grade/verifier.ts';
import { flag, number, text } from '../../schema/fields.ts';
import { parseOptions } from '../../schema/options.ts';
import { ConfigError, TaskError } from '../../support/errors.ts';
import { expandHome } from '../../support/home-folder.ts';
import { renamedSplitHint } from '../../support/renamed-names.ts';
import { drawFromSplit, SPLITS, splitOf } from '../../task/split.ts';
import type { Demonstration, Split, Task, TaskItem, Verdict } from '../../task/task.ts';
import { normalPrompt, removeOverlap } from '../jsonl/partition.ts';
import { readObjects } from '../jsonl/records.ts';
import { callExport, namedInErrors } from './call-export.ts';
import type { ModuleContext, ModuleItem, TaskModule } from './contract.ts';
import { describeValue, loadTaskModule, moduleError } from './load.ts';

/** Name, path and context of a module. */
interface ModuleInfo {
  readonly name: string;
  /** Absolute path of the module, for error messages. */
  readonly path: string;
  readonly context: ModuleContext;
}

/**
 * Creates a task from the module at `options.module`. The other options are those that the module declares. A
 * module with `generate` also has the option `seed`, which selects the list of problems.
 *
 * @param name - name of the task in reports
 * @throws ConfigError for an invalid module, option or problem
 */
export async function createModuleTask(
  name: string,
  options: Readonly<Record<string, unknown>>,
): Promise<Task> {
  const { module: written, ...own } = options;
  if (typeof written !== 'string' || written === '')
    throw new ConfigError(
      `task.module: expected the path of a TypeScript module, got ${describeValue(written)}`,
      {
        issues: [
          {
            path: 'module',
            message: `expected the path of a TypeScript module, got ${describeValue(written)}`,
          },
        ],
      },
    );
  const path = resolve(written);
  const module = await loadTaskModule(path);
  const declared = module.generate && !('seed' in (module.options ?? {})) ? { seed: 1 } : {};
  const context: ModuleContext = {
    folder: dirname(path),
    options: optionsOf(name, { ...declared, ...module.options }, own),
    readJsonLines: (file) => readObjects(resolve(dirname(path), expandHome(file))),
    verifier: namedVerifier,
  };
  const info = { name, path, context };
  const { default: create } = module;
  if (create)
    return wholeTask(
      callExport({ path, name: 'default export' }, () => create(context)),
      info,
    );
  return module.generate ? new GeneratedTask(module, info) : new ListedTask(module, info);
}

/**
 * Adds the defaults to the options of the module. @throws ConfigError with all invalid and unknown options
 */
function optionsOf(
  name: string,
  defaults: Readonly<Record<string, number | string | boolean>>,
  own: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const fields = Object.entries(defaults).map(([option, fallback]) => [option, fieldOf(fallback)] as const);
  const schema = z.strictObject(Object.fromEntries(fields));
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== null));
  // called only for its errors, because its result has camelCase keys and the module uses its own spelling
  parseOptions(`task ${name}`, schema, given);
  return { ...defaults, ...given };
}

function fieldOf(fallback: number | string | boolean) {
  if (typeof fallback === 'boolean') return flag().default(fallback);
  if (typeof fallback === 'string') return text().default(fallback);
  return number().default(fallback);
}

function namedVerifier(name: string): (gold: string, text: string) => Verdict {
  if (!VERIFIER_NAMES.some((known) => known === name))
    throw new ConfigError(`verifier: expected one of ${VERIFIER_NAMES.join(', ')}, got "${name}"`);
  const verifier = createVerifier(name as VerifierName); // the name is a known one, as checked above
  return (written, text) => {
    const gold = verifier.readGold(written);
    if (gold === undefined)
      throw new TaskError(
        `verifier ${name}: expected ${verifier.expects} in the gold answer, got "${written}"`,
      );
    return verifier.verify(gold, text);
  };
}

/** Checks the task that a default export created. */
function wholeTask(task: unknown, { path }: ModuleInfo): Task {
  const record = (typeof task === 'object' && task !== null ? task : {}) as Readonly<Record<string, unknown>>;
  const mistakes = (['size', 'item', 'verify'] as const)
    .filter((method) => typeof record[method] !== 'function')
    .map(
      (method) =>
        `default export: expected a task with a method ${method}, got ${describeValue(record[method])}`,
    );
  if (typeof record.name !== 'string' || !Array.isArray(record.rewardRange))
    mistakes.push('default export: expected a task with a name and a rewardRange');
  mistakes.push(...environmentMistakes(record.environment));
  if (mistakes.length > 0) throw moduleError(path, mistakes);
  // the methods exist; the values that they return are not checked
  return namedInErrors(task as Task, path);
}

/** Checks the environment of a task. A missing environment is valid, because the task is then not interactive. */
function environmentMistakes(environment: unknown): string[] {
  if (environment === undefined) return [];
  const { reset, begin } = (environment ?? {}) as Readonly<Record<string, unknown>>; // both are checked here
  if (typeof reset === 'function') return [];
  const got = begin === undefined ? describeValue(reset) : 'begin';
  return [
    `default export: expected an environment with a method reset, got ${got}; begin, reply and isOver are now called reset, observation and done`,
  ];
}

/** Common base class of tasks with listed problems and tasks with generated problems. */
abstract class ModuleTask {
  readonly name: string;
  readonly rewardRange: readonly [number, number];
  readonly demonstrate?: (item: TaskItem, stream: RandomStream) => Demonstration;
  readonly answerOf?: (text: string) => string | undefined;
  protected readonly module: TaskModule;
  protected readonly info: ModuleInfo;

  constructor(module: TaskModule, info: ModuleInfo) {
    this.name = info.name;
    this.rewardRange = module.rewardRange ?? [0, 1];
    this.module = module;
    this.info = info;
    const { answerOf, demonstrate } = module;
    if (answerOf)
      this.answerOf = (text) => {
        const answer: unknown = callExport({ path: info.path, name: 'answerOf' }, () =>
          answerOf(text, info.context),
        );
        return answer === undefined || answer === null ? undefined : String(answer);
      };
    if (!demonstrate) return;
    this.demonstrate = (item, stream) => {
      const result = callExport({ path: info.path, name: 'demonstrate' }, () =>
        demonstrate(item, stream, info.context),
      );
      const messages = typeof result === 'string' ? [result] : result;
      if (Array.isArray(messages) && messages.length > 0 && messages.every((one) => typeof one === 'string'))
        return { messages };
      throw new TaskError(
        `${info.path}: demonstrate: expected a text or several, got ${describeValue(result)}`,
      );
    };
  }

  verify(item: TaskItem, text: string): Verdict {
    const { path, context } = this.info;
    const result: unknown = callExport({ path, name: 'verify' }, () =>
      this.module.verify?.(item, text, context),
    );
    const verdict = result as Partial<Verdict> | null | undefined; // the fields are checked below
    if (typeof verdict !== 'object' || verdict === null || typeof verdict.correct !== 'boolean')
      throw new TaskError(
        `${path}: verify: expected { correct: true or false, answer, reason }, got ${describeValue(result)}`,
      );
    const { correct, answer } = verdict;
    const [lowest, highest] = this.rewardRange;
    const reward = verdict.reward ?? (correct ? highest : lowest);
    if (!(reward >= lowest && reward <= highest))
      throw new TaskError(`${path}: verify: expected a reward from ${lowest} to ${highest}, got ${reward}`);
    return {
      correct,
      reward,
      ...(answer === undefined ? {} : { answer: String(answer) }),
      reason: verdict.reason ?? (correct ? 'right' : answer === undefined ? 'no answer' : 'wrong'),
    };
  }
}

/** A task with a finite list of problems, divided into splits. */
class ListedTask extends ModuleTask implements Task {
  readonly warnings: readonly string[];
  readonly alphabet: string;
  readonly #splits: Readonly<Record<Split, readonly TaskItem[]>>;

  constructor(module: TaskModule, info: ModuleInfo) {
    super(module, info);
    const splits: Record<Split, TaskItem[]> = { train: [], validation: [], test: [] };
    const ids = new Set<string>();
    let position = 0;
    for (const item of itemsOf(module, info)) {
      const where = `items[${position++}]`;
      checkItem(item, where, info.path);
      const split = item.split ?? splitOf(normalPrompt(item.key ?? item.prompt));
      const created = taskItem(item, `${split}:${splits[split].length}`);
      if (ids.has(created.id))
        throw moduleError(info.path, [`${where}.id: expected an id of its own, got "${created.id}" again`]);
      ids.add(created.id);
      splits[split].push(created);
    }
    if (position === 0) throw moduleError(info.path, ['items: expected at least one problem, got none']);
    this.warnings = removeOverlap(splits);
    for (const split of SPLITS)
      if (splits[split].length === 0)
        this.warnings = [...this.warnings, `the ${split} split has no problems`];
    this.#splits = splits;
    this.alphabet = module.alphabet ?? charactersOf(Object.values(splits).flat());
  }

  size(split: Split): number {
    return this.#splits[split].length;
  }

  item(split: Split, index: number): TaskItem {
    const item = this.#splits[split][index];
    if (item) return item;
    throw new TaskError(
      `task ${this.name}: expected an index from 0 to ${this.size(split) - 1} in the ${split} split, got ${index}`,
      { code: 'TROUPE_TASK_INDEX' },
    );
  }
}

/** A task with endless generated problems. */
class GeneratedTask extends ModuleTask implements Task {
  readonly alphabet?: string;

  constructor(module: TaskModule, info: ModuleInfo) {
    super(module, info);
    if (module.alphabet !== undefined) this.alphabet = module.alphabet;
    checkItem(this.#draw(randomStream(0)), 'generate', info.path);
  }

  size(): undefined {
    return undefined;
  }

  item(split: Split, index: number): TaskItem {
    const { path, context } = this.info;
    const { item } = drawFromSplit(
      `task ${this.name}`,
      (stream) => {
        const drawn = this.#draw(stream);
        checkItem(drawn, 'generate', path);
        return { key: normalPrompt(drawn.key ?? drawn.prompt), item: drawn };
      },
      { seed: Number(context.options.seed), split, index },
    );
    return taskItem(item, `${split}-${index}`);
  }

  #draw(stream: RandomStream): ModuleItem {
    const { path, context } = this.info;
    const drawn: unknown = callExport({ path, name: 'generate' }, () =>
      this.module.generate?.(stream, context),
    );
    return drawn as ModuleItem; // checkItem checks it
  }
}

/** Calls `items`. The list may be a generator, which can throw between two problems. */
function itemsOf(module: TaskModule, { path, context }: ModuleInfo): readonly ModuleItem[] {
  const at = { path, name: 'items' };
  const items: unknown = callExport(at, () => module.items?.(context) ?? []);
  if (typeof items !== 'object' || items === null || !(Symbol.iterator in items))
    throw moduleError(path, [`items: expected a list of problems, got ${describeValue(items)}`]);
  return callExport(at, () => [...(items as Iterable<ModuleItem>)]); // checkItem checks the problems
}

function taskItem({ id, prompt, answer, difficulty, data }: ModuleItem, fallback: string): TaskItem {
  return {
    id: id ?? fallback,
    prompt,
    ...(answer === undefined ? {} : { answer: String(answer) }),
    ...(difficulty === undefined ? {} : { difficulty: String(difficulty) }),
    ...(data === undefined ? {} : { data }),
  };
}

/** Checks a problem of the module. @throws ConfigError with one line per mistake */
function checkItem(item: unknown, where: string, path: string): asserts item is ModuleItem {
  if (typeof item !== 'object' || item === null)
    throw moduleError(path, [`${where}: expected a problem { prompt, answer }, got ${describeValue(item)}`]);
  const { prompt, answer, id, key, split, difficulty } = item as Readonly<Record<string, unknown>>;
  const isText = (value: unknown): boolean => typeof value === 'string' && value.trim() !== '';
  const isTextOrNumber = (value: unknown): boolean => isText(value) || typeof value === 'number';
  const optional = (value: unknown, isValid: (value: unknown) => boolean): boolean =>
    value === undefined || isValid(value);
  const mistakes = [
    ...(isText(prompt) ? [] : [`prompt: expected a text that is not empty, got ${describeValue(prompt)}`]),
    ...(optional(answer, isTextOrNumber)
      ? []
      : [`answer: expected a text or number, got ${describeValue(answer)}`]),
    ...(optional(id, isText) ? [] : [`id: expected a text, got ${describeValue(id)}`]),
    ...(optional(key, isText) ? [] : [`key: expected a text, got ${describeValue(key)}`]),
    ...(optional(difficulty, isTextOrNumber)
      ? []
      : [`difficulty: expected a text or number, got ${describeValue(difficulty)}`]),
    ...(optional(split, (value) => SPLITS.some((one) => one === value))
      ? []
      : [
          `split: expected one of ${SPLITS.join(', ')}, got ${describeValue(split)}${renamedSplitHint(split)}`,
        ]),
  ];
  if (mistakes.length > 0)
    throw moduleError(
      path,
      mistakes.map((mistake) => `${where}.${mistake}`),
    );
}

function charactersOf(items: readonly TaskItem[]): string {
  const characters = new Set(items.flatMap(({ prompt, answer = '' }) => [...prompt, ...answer]));
  return [...characters].sort().join('');
}
