/**
 * Loads a task module and checks its exports. All mistakes are reported together, one line each.
 * @module
 */
import { existsSync } from 'node:fs';
import { ConfigError } from '../../support/errors.ts';
import { nearestName } from '../../support/nearest.ts';
import { importTypeScript } from '../../support/typescript-loader.ts';
import type { TaskModule } from './contract.ts';

type Check = readonly [expected: string, isValid: (value: unknown) => boolean];

const isFunction = (value: unknown): boolean => typeof value === 'function';

/** For each export, a description of valid values and a function that checks a value. */
const EXPORTS: Readonly<Record<keyof TaskModule, Check>> = {
  about: ['a text', (value) => typeof value === 'string' && value.trim() !== ''],
  options: [
    'an object of numbers, texts, true or false',
    (value) =>
      isRecord(value) &&
      Object.values(value).every((one) => ['number', 'string', 'boolean'].includes(typeof one)),
  ],
  items: ['a function (context) => problems', isFunction],
  generate: ['a function (stream, context) => problem', isFunction],
  verify: ['a function (item, text) => { correct, answer, reason }', isFunction],
  answerOf: ['a function (text) => answer', isFunction],
  demonstrate: ['a function (item, stream) => text', isFunction],
  rewardRange: [
    'two numbers, the lower one first',
    (value) =>
      Array.isArray(value) &&
      value.length === 2 &&
      value.every((one) => Number.isFinite(one)) &&
      value[0] < value[1],
  ],
  alphabet: ['a text', (value) => typeof value === 'string'],
  default: ['a function (context) => task', isFunction],
};

/**
 * Loads a TypeScript module by stripping its types; its relative imports are loaded in the same way.
 *
 * @param path - absolute path
 * @throws ConfigError if the file does not exist or does not load, or if its exports are invalid
 */
export async function loadTaskModule(path: string): Promise<TaskModule> {
  if (!existsSync(path))
    throw moduleError(path, [
      'expected a TypeScript module, got no file; "troupe tasks init NAME" creates one',
    ]);
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = await importTypeScript(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw moduleError(path, [`expected a module that loads, got: ${why}`], cause);
  }
  const mistakes = mistakesOf(exports);
  if (mistakes.length > 0) throw moduleError(path, mistakes);
  return exports;
}

/** Creates an error about a module, with one line per mistake. */
export function moduleError(path: string, mistakes: readonly string[], cause?: unknown): ConfigError {
  return new ConfigError(mistakes.map((mistake) => `${path}: ${mistake}`).join('\n'), {
    code: 'TROUPE_TASK_MODULE',
    issues: mistakes.map((message) => ({ file: path, path: 'module', message })),
    cause,
  });
}

function mistakesOf(exports: Readonly<Record<string, unknown>>): string[] {
  const known = Object.keys(EXPORTS);
  const mistakes = Object.entries(EXPORTS).flatMap(([name, [expected, isValid]]) =>
    exports[name] === undefined || isValid(exports[name])
      ? []
      : [`export "${name}": expected ${expected}, got ${describeValue(exports[name])}`],
  );
  for (const name of Object.keys(exports)) {
    if (known.includes(name)) continue;
    const missing = known.filter((one) => exports[one] === undefined);
    const nearest = nearestName(name, missing);
    if (nearest !== undefined)
      mistakes.push(`export "${name}": expected a known name; did you mean "${nearest}"?`);
  }
  if (exports.default !== undefined) return mistakes;
  if (exports.verify === undefined)
    mistakes.push(`export "verify": expected ${EXPORTS.verify[0]}, got nothing`);
  const sources = ['items', 'generate'].filter((name) => exports[name] !== undefined);
  if (sources.length !== 1)
    mistakes.push(
      `expected one export of "items" (a list of problems) and "generate" (endless problems), got ${sources.length === 0 ? 'neither' : 'both'}`,
    );
  return mistakes;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Writes a value for an error message. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'function') return 'a function';
  if (value instanceof Promise) return 'a promise; it must not be async';
  const written = JSON.stringify(value) ?? String(value);
  return written.length > 60 ? `${written.slice(0, 57)}...` : written;
}
