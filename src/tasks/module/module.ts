/**
 * A task that a user wrote as one TypeScript module (`contract.ts` says what it exports). Whatever the
 * module gives is checked where it enters, so that a mistake is a line with the file's name.
 * @module
 */
import { dirname, resolve } from 'node:path';
import type { RandomStream } from '../../core/rng.ts';
import { randomStream } from '../../core/rng.ts';
import { createVerifier, VERIFIER_NAMES, type VerifierName } from '../../grade/verifier.ts';
import { ConfigError, TaskError } from '../../support/errors.ts';
import { readOptions } from '../../support/options.ts';
import { renamedSplitHint } from '../../support/renamed-names.ts';
import { drawFromSplit, SPLITS, splitOf } from '../../task/split.ts';
import type { Demonstration, Split, Task, TaskItem, Verdict } from '../../task/task.ts';
import { keepApart, normalPrompt } from '../jsonl/partition.ts';
import { readObjects } from '../jsonl/records.ts';
import type { ModuleContext, ModuleItem, TaskModule } from './contract.ts';
import { kindOf, loadTaskModule, moduleError } from './load.ts';

/** What the adapter needs besides the module. */
interface Given {
  readonly name: string;
  /** Absolute path, for messages. */
  readonly path: string;
  readonly context: ModuleContext;
}

/**
 * Makes a task of the module at `options.module`; the other options are the module's own. A generated task also
 * has `seed`, which names its list of problems.
 *
 * @param name - of the task, for reports
 * @throws ConfigError for a module, options or problems that cannot be used
 */
export async function createModuleTask(
  name: string,
  options: Readonly<Record<string, unknown>>,
): Promise<Task> {
  const { module: written, ...own } = options;
  if (typeof written !== 'string' || written === '')
    throw new ConfigError(`task.module: expected the path of a TypeScript module, got ${kindOf(written)}`, {
      issues: [
        { path: 'module', message: `expected the path of a TypeScript module, got ${kindOf(written)}` },
      ],
    });
  const path = resolve(written);
  const module = await loadTaskModule(path);
  const declared = module.generate && !('seed' in (module.options ?? {})) ? { seed: 1 } : {};
  const context: ModuleContext = {
    folder: dirname(path),
    options: optionsOf(name, { ...declared, ...module.options }, own),
    readJsonLines: (file) => readObjects(resolve(dirname(path), file)),
    verifier: namedVerifier,
  };
  const given = { name, path, context };
  if (module.default) return wholeTask(module.default(context), given);
  return module.generate ? new GeneratedTask(module, given) : new ListedTask(module, given);
}

/** @throws ConfigError listing wrong and unknown options */
function optionsOf(
  name: string,
  defaults: Readonly<Record<string, number | string | boolean>>,
  own: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const reader = readOptions(`task ${name}`, own);
  const read = Object.entries(defaults).map(([option, fallback]) => {
    if (typeof fallback === 'boolean') return [option, reader.boolean(option, fallback)];
    if (typeof fallback === 'string') return [option, reader.text(option, fallback)];
    return [option, reader.number(option, fallback)];
  });
  reader.finish();
  return Object.fromEntries(read);
}

function namedVerifier(name: string): (gold: string, text: string) => Verdict {
  if (!VERIFIER_NAMES.some((known) => known === name))
    throw new ConfigError(`verifier: expected one of ${VERIFIER_NAMES.join(', ')}, got "${name}"`);
  const verifier = createVerifier(name as VerifierName); // one of the names, as seen above
  return (written, text) => {
    const gold = verifier.readGold(written);
    if (gold === undefined)
      throw new TaskError(
        `verifier ${name}: expected ${verifier.expects} in the gold answer, got "${written}"`,
      );
    return verifier.verify(gold, text);
  };
}

/** A task as a default export made it, looked at before anybody relies on it. */
function wholeTask(task: unknown, { path }: Given): Task {
  const record = (typeof task === 'object' && task !== null ? task : {}) as Readonly<Record<string, unknown>>;
  const mistakes = (['size', 'item', 'verify'] as const)
    .filter((method) => typeof record[method] !== 'function')
    .map(
      (method) => `default export: expected a task with a method ${method}, got ${kindOf(record[method])}`,
    );
  if (typeof record.name !== 'string' || !Array.isArray(record.rewardRange))
    mistakes.push('default export: expected a task with a name and a rewardRange');
  if (mistakes.length > 0) throw moduleError(path, mistakes);
  return task as Task; // it has the methods; what they return is the module's word
}

/** What listed and generated tasks share. */
abstract class ModuleTask {
  readonly name: string;
  readonly rewardRange: readonly [number, number];
  readonly demonstrate?: (item: TaskItem, stream: RandomStream) => Demonstration;
  readonly answerOf?: (text: string) => string | undefined;
  protected readonly module: TaskModule;
  protected readonly given: Given;

  constructor(module: TaskModule, given: Given) {
    this.name = given.name;
    this.rewardRange = module.rewardRange ?? [0, 1];
    this.module = module;
    this.given = given;
    const { answerOf, demonstrate } = module;
    if (answerOf)
      this.answerOf = (text) => {
        const answer: unknown = answerOf(text, given.context);
        return answer === undefined || answer === null ? undefined : String(answer);
      };
    if (!demonstrate) return;
    this.demonstrate = (item, stream) => {
      const said = demonstrate(item, stream, given.context);
      const messages = typeof said === 'string' ? [said] : said;
      if (Array.isArray(messages) && messages.length > 0 && messages.every((one) => typeof one === 'string'))
        return { messages };
      throw new TaskError(`${given.path}: demonstrate: expected a text or several, got ${kindOf(said)}`);
    };
  }

  verify(item: TaskItem, text: string): Verdict {
    const { path, context } = this.given;
    const said: unknown = this.module.verify?.(item, text, context);
    const verdict = said as Partial<Verdict> | null | undefined; // its fields are looked at one by one
    if (typeof verdict !== 'object' || verdict === null || typeof verdict.correct !== 'boolean')
      throw new TaskError(
        `${path}: verify: expected { correct: true or false, answer, reason }, got ${kindOf(said)}`,
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

/** Every problem there is, sorted into splits. */
class ListedTask extends ModuleTask implements Task {
  readonly warnings: readonly string[];
  readonly alphabet: string;
  readonly #splits: Readonly<Record<Split, readonly TaskItem[]>>;

  constructor(module: TaskModule, given: Given) {
    super(module, given);
    const splits: Record<Split, TaskItem[]> = { train: [], validation: [], test: [] };
    const ids = new Set<string>();
    let position = 0;
    for (const item of module.items?.(given.context) ?? []) {
      const where = `items[${position++}]`;
      checkItem(item, where, given.path);
      const split = item.split ?? splitOf(normalPrompt(item.key ?? item.prompt));
      const made = taskItem(item, `${split}:${splits[split].length}`);
      if (ids.has(made.id))
        throw moduleError(given.path, [`${where}.id: expected an id of its own, got "${made.id}" again`]);
      ids.add(made.id);
      splits[split].push(made);
    }
    if (position === 0) throw moduleError(given.path, ['items: expected at least one problem, got none']);
    this.warnings = keepApart(splits);
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

/** Problems drawn one by one, without end. */
class GeneratedTask extends ModuleTask implements Task {
  readonly alphabet?: string;

  constructor(module: TaskModule, given: Given) {
    super(module, given);
    if (module.alphabet !== undefined) this.alphabet = module.alphabet;
    checkItem(this.#draw(randomStream(0)), 'generate', given.path);
  }

  size(): undefined {
    return undefined;
  }

  item(split: Split, index: number): TaskItem {
    const { path, context } = this.given;
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
    return this.module.generate?.(stream, this.given.context) as ModuleItem; // looked at by checkItem
  }
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

/** @throws ConfigError with one line per mistake of a problem */
function checkItem(item: unknown, where: string, path: string): asserts item is ModuleItem {
  if (typeof item !== 'object' || item === null)
    throw moduleError(path, [`${where}: expected a problem { prompt, answer }, got ${kindOf(item)}`]);
  const { prompt, answer, id, key, split, difficulty } = item as Readonly<Record<string, unknown>>;
  const isText = (value: unknown): boolean => typeof value === 'string' && value.trim() !== '';
  const isWord = (value: unknown): boolean => isText(value) || typeof value === 'number';
  const optional = (value: unknown, isRight: (value: unknown) => boolean): boolean =>
    value === undefined || isRight(value);
  const mistakes = [
    ...(isText(prompt) ? [] : [`prompt: expected a text that is not empty, got ${kindOf(prompt)}`]),
    ...(optional(answer, isWord) ? [] : [`answer: expected a text or number, got ${kindOf(answer)}`]),
    ...(optional(id, isText) ? [] : [`id: expected a text, got ${kindOf(id)}`]),
    ...(optional(key, isText) ? [] : [`key: expected a text, got ${kindOf(key)}`]),
    ...(optional(difficulty, isWord)
      ? []
      : [`difficulty: expected a text or number, got ${kindOf(difficulty)}`]),
    ...(optional(split, (value) => SPLITS.some((one) => one === value))
      ? []
      : [`split: expected one of ${SPLITS.join(', ')}, got ${kindOf(split)}${renamedSplitHint(split)}`]),
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
