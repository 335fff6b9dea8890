/**
 * Resolves a team file and flags to a validated configuration with all defaults.
 * @module
 */
import { basename, dirname, isAbsolute, parse, relative, resolve } from 'node:path';
import { stringify } from 'yaml';
import { isTemplateText, PLAIN } from '../support/chat-template-setting.ts';
import type { ConfigError } from '../support/errors.ts';
import { expandHome } from '../support/home-folder.ts';
import { isHubReference } from '../support/model-reference.ts';
import { withAlgorithm } from './algorithms.ts';
import { readConfigText } from './config-text.ts';
import type { BenchmarkEntry } from './evaluation-sections.ts';
import { configError, explain, type PlacelessIssue, type Sources } from './issues.ts';
import { applyOverrides, type Override } from './overrides.ts';
import { type Config, configSchema, type TeamFile } from './schema.ts';
import { type ConfigValues, parseYamlFile } from './yaml-file.ts';

/** Writes YAML. Strings such as 13:00, which YAML 1.1 reads as numbers, are quoted. */
function toYaml(config: Config): string {
  return stringify(config, { lineWidth: 0, compat: 'yaml-1.1' });
}

export interface ResolvedConfig {
  /** Validated configuration; paths are absolute. */
  readonly config: Config;
  /** The configuration with all defaults as YAML. The run folder contains this text. */
  readonly resolvedYaml: string;
  /**
   * Creates an error with file positions or flags. Used for problems that are found after validation, e.g. in
   * task options.
   */
  problem(problems: readonly PlacelessIssue[]): ConfigError;
}

/**
 * Reads and validates a team file.
 *
 * @param path - path of the YAML file
 * @param overrides - flags, which override values of the file
 * @throws ConfigError with one line per problem, each with file:line:column or the flag
 */
export function resolveConfig(path: string, overrides: readonly Override[] = []): ResolvedConfig {
  path = expandHome(path);
  const text = readConfigText(path, 'a team file (YAML)');
  return resolveConfigText(text, { path, overrides });
}

/**
 * Resolves the `config.yaml` of a run, as {@link resolveConfig} does. Runs of versions without `train.truncated`
 * judged messages that were cut off, so this value stands for the missing key.
 */
export function resolveRunConfig(path: string, overrides: readonly Override[] = []): ResolvedConfig {
  const resolved = resolveConfig(path, overrides);
  const { value } = parseYamlFile(readConfigText(path, 'the configuration of a run'), shortName(path));
  const { train } = (value ?? {}) as { readonly train?: { readonly truncated?: unknown } | null };
  const isGiven = overrides.some((override) => override.path.join('.') === 'train.truncated');
  if (train?.truncated !== undefined || isGiven) return resolved;
  const config: Config = {
    ...resolved.config,
    train: { ...resolved.config.train, truncated: 'judge' },
  };
  return { ...resolved, config, resolvedYaml: toYaml(config) };
}

/**
 * Validates the text of a team file, as {@link resolveConfig} does. `path` is the file's name in errors;
 * relative paths in the text are relative to the folder of `path`.
 */
export function resolveConfigText(
  text: string,
  { path, overrides = [] }: { readonly path: string; readonly overrides?: readonly Override[] },
): ResolvedConfig {
  const name = shortName(path);
  return resolveFile(parseYamlFile(text, name), { name, folder: dirname(resolve(path)), overrides });
}

/**
 * Validates an object with the keys of a team file, as {@link resolveConfig} does.
 *
 * @param options.folder - folder to which relative paths are relative; default: the current folder
 * @throws ConfigError with one line per problem, each with the dotted key
 */
export function resolveConfigObject(
  team: TeamFile,
  {
    folder = process.cwd(),
    overrides = [],
  }: { readonly folder?: string; readonly overrides?: readonly Override[] } = {},
): ResolvedConfig {
  const file = { value: team, position: () => undefined };
  return resolveFile(file, { name: 'team', folder: resolve(folder), overrides });
}

function resolveFile(
  file: ConfigValues,
  {
    name,
    folder,
    overrides,
  }: { readonly name: string; readonly folder: string; readonly overrides: readonly Override[] },
): ResolvedConfig {
  const written = overrides.reduce<unknown>(
    (root, override) => expandShorthand(applyOverrides(root, [override])),
    expandShorthand(file.value ?? {}),
  );
  const { file: value, filled } = withAlgorithm(written);
  const sources: Sources = { name, file, overrides, filled };
  const parsed = configSchema.safeParse(value, { reportInput: true });
  if (!parsed.success) throw configError(parsed.error.issues.flatMap(explain), sources);
  const config = withAbsoluteFolders(parsed.data, folder, overrides);
  return {
    config,
    resolvedYaml: toYaml(config),
    problem: (problems) => configError(problems, sources),
  };
}

/** Replaces the names of all models, e.g. the branch in a hub reference by a commit. */
export function withModels(resolved: ResolvedConfig, nameOf: (model: string) => string): ResolvedConfig {
  const { base, agents } = resolved.config;
  const config: Config = {
    ...resolved.config,
    ...(base === undefined ? {} : { base: nameOf(base) }),
    agents: agents.map((agent) => ({ ...agent, model: nameOf(agent.model) })),
  };
  return { ...resolved, config, resolvedYaml: toYaml(config) };
}

/** Replaces the chat templates of the team and of each agent, e.g. the path of a file by its text. */
export function withTemplates(
  resolved: ResolvedConfig,
  textOf: (template: string, path: readonly (string | number)[]) => string,
): ResolvedConfig {
  const at = ({ chat_template: value }: Pick<Config, 'chat_template'>, path: readonly (string | number)[]) =>
    value === undefined ? {} : { chat_template: textOf(value, path) };
  const config: Config = {
    ...resolved.config,
    ...at(resolved.config, ['chat_template']),
    agents: resolved.config.agents.map((agent, id) => ({
      ...agent,
      ...at(agent, ['agents', id, 'chat_template']),
    })),
  };
  return { ...resolved, config, resolvedYaml: toYaml(config) };
}

/** Replaces the model folder of each agent. */
export function withAgentFolders(resolved: ResolvedConfig, folders: readonly string[]): ResolvedConfig {
  const agents = resolved.config.agents.map((agent, id) => ({ ...agent, model: folders[id] ?? agent.model }));
  const config: Config = { ...resolved.config, agents };
  return { ...resolved, config, resolvedYaml: toYaml(config) };
}

/**
 * Expands `agents: 3` to a list of three agents without settings, and removes empty sections, so that they
 * get defaults.
 */
function expandShorthand(root: unknown): unknown {
  if (typeof root !== 'object' || root === null || Array.isArray(root)) return root;
  const entries = Object.entries(root).filter(([, value]) => value !== null);
  const expanded: Record<string, unknown> = Object.fromEntries(entries);
  const { agents } = expanded;
  if (typeof agents === 'number' && Number.isInteger(agents) && agents >= 0 && agents <= 1000)
    expanded.agents = Array.from({ length: agents }, () => ({}));
  return expanded;
}

/**
 * Makes paths absolute, and expands `~`. Paths from the file are relative to the file's folder, paths from flags to the
 * current folder. A Python is a name or a path, which its engine resolves.
 */
function withAbsoluteFolders(config: Config, anchor: string, overrides: readonly Override[]): Config {
  const typed = new Set(overrides.map((override) => override.path.join('.')));
  const absolute = (path: string, ...keys: string[]): string => {
    if (isHubReference(path)) return path;
    return resolve(keys.some((key) => typed.has(key)) ? process.cwd() : anchor, expandHome(path));
  };
  type Task = { readonly name?: string | undefined; readonly module?: string | undefined };
  const taskAt = <T extends Task>(section: T, ...keys: string[]): T => {
    const entries = Object.entries(section).map(([key, value]) =>
      (key === 'module' || /(^|_)path$/.test(key)) && typeof value === 'string'
        ? // the path may come from the flag --task.path X or from --set task={path: X}
          [key, absolute(value, ...keys.map((one) => `${one}.${key}`), ...keys)]
        : [key, value],
    );
    return named(Object.fromEntries(entries) as T); // the same keys
  };
  const listAt = (list: readonly BenchmarkEntry[], key: string): BenchmarkEntry[] =>
    list.map((entry) =>
      typeof entry === 'string'
        ? entry
        : {
            ...entry,
            ...(entry.data === undefined ? {} : { data: absolute(entry.data, key) }),
            ...(entry.task === undefined ? {} : { task: taskAt(entry.task, key) }),
          },
    );
  const templateAt = ({ chat_template: value }: Pick<Config, 'chat_template'>, key: string) =>
    value === undefined || value === PLAIN || isTemplateText(value)
      ? {}
      : { chat_template: absolute(value, key) };
  const { eval: evaluation, contamination, torch, ray } = config;
  return {
    ...config,
    ...(torch === undefined ? {} : { torch: withHome(torch, 'python') }),
    ...(ray === undefined ? {} : { ray: withHome(withHome(ray, 'python'), 'temp_dir') }),
    eval: {
      ...evaluation,
      benchmarks: listAt(evaluation.benchmarks, 'eval.benchmarks'),
      ...(evaluation.data === undefined ? {} : { data: absolute(evaluation.data, 'eval.data') }),
    },
    contamination: {
      ...contamination,
      ...(contamination.sets === undefined ? {} : { sets: listAt(contamination.sets, 'contamination.sets') }),
    },
    ...(config.base === undefined ? {} : { base: absolute(config.base, 'base') }),
    ...templateAt(config, 'chat_template'),
    agents: config.agents.map((agent, id) => ({
      ...agent,
      ...templateAt(agent, `agents.${id}.chat_template`),
      // an agent without a model uses the path in `base`, which may come from a flag
      model: absolute(agent.model, `agents.${id}.model`, ...(agent.model === config.base ? ['base'] : [])),
    })),
    task: taskAt(config.task, 'task'),
    ...(config.protocol.kind === 'module'
      ? {
          protocol: {
            ...config.protocol,
            path: absolute(config.protocol.path, 'protocol.path', 'protocol'),
          },
        }
      : {}),
  };
}

/** Expands `~` in one setting of a section. */
function withHome<K extends string, T extends { readonly [key in K]?: string | undefined }>(
  section: T,
  key: K,
): T {
  const path = section[key];
  return path === undefined ? section : { ...section, [key]: expandHome(path) };
}

/**
 * Gives a task module without a name the name of its file or folder: `rhymes` for `rhymes/task.ts` and for
 * `rhymes.ts`.
 */
function named<T extends { readonly name?: string | undefined; readonly module?: string | undefined }>(
  task: T,
): T {
  if (task.name || task.module === undefined) return task;
  const { name, dir } = parse(task.module);
  return { ...task, name: /^(task|index)$/.test(name) ? basename(dir) || name : name };
}

function shortName(path: string): string {
  const near = relative(process.cwd(), path);
  return near !== '' && !near.startsWith('..') && !isAbsolute(near) ? near : path;
}
