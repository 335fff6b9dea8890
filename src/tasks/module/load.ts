/**
 * Reads a task module and says everything that is wrong with its exports, one line per mistake.
 * @module
 */
import { existsSync } from 'node:fs';
import { ConfigError } from '../../support/errors.ts';
import { nearestName } from '../../support/nearest.ts';
import { importTypeScript } from '../../support/typescript-loader.ts';
import type { TaskModule } from './contract.ts';

type Check = readonly [what: string, isRight: (value: unknown) => boolean];

const FUNCTION = (value: unknown): boolean => typeof value === 'function';

/** What each export must be. */
const EXPORTS: Readonly<Record<keyof TaskModule, Check>> = {
  about: ['a text', (value) => typeof value === 'string' && value.trim() !== ''],
  options: [
    'an object of numbers, texts, true or false',
    (value) =>
      isRecord(value) &&
      Object.values(value).every((one) => ['number', 'string', 'boolean'].includes(typeof one)),
  ],
  items: ['a function (context) => problems', FUNCTION],
  generate: ['a function (stream, context) => problem', FUNCTION],
  verify: ['a function (item, text) => { correct, answer, reason }', FUNCTION],
  answerOf: ['a function (text) => answer', FUNCTION],
  demonstrate: ['a function (item, stream) => text', FUNCTION],
  rewardRange: [
    'two numbers, the lower one first',
    (value) =>
      Array.isArray(value) &&
      value.length === 2 &&
      value.every((one) => Number.isFinite(one)) &&
      value[0] < value[1],
  ],
  alphabet: ['a text', (value) => typeof value === 'string'],
  default: ['a function (context) => task', FUNCTION],
};

/**
 * Loads a module with TypeScript's types stripped; its relative imports are loaded the same way.
 *
 * @param path - absolute
 * @throws ConfigError if there is no such file, it does not load, or its exports are not a task's
 */
export async function loadTaskModule(path: string): Promise<TaskModule> {
  if (!existsSync(path))
    throw moduleError(path, [
      'expected a TypeScript module, got nothing there; "troupe tasks init NAME" writes one',
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

/** A problem of a module, as the one line (or lines) a user sees. */
export function moduleError(path: string, mistakes: readonly string[], cause?: unknown): ConfigError {
  return new ConfigError(mistakes.map((mistake) => `${path}: ${mistake}`).join('\n'), {
    code: 'TROUPE_TASK_MODULE',
    issues: mistakes.map((message) => ({ file: path, path: 'module', message })),
    cause,
  });
}

function mistakesOf(exports: Readonly<Record<string, unknown>>): string[] {
  const known = Object.keys(EXPORTS);
  const mistakes = Object.entries(EXPORTS).flatMap(([name, [what, isRight]]) =>
    exports[name] === undefined || isRight(exports[name])
      ? []
      : [`export "${name}": expected ${what}, got ${kindOf(exports[name])}`],
  );
  for (const name of Object.keys(exports)) {
    if (known.includes(name)) continue;
    const missing = known.filter((one) => exports[one] === undefined);
    const meant = nearestName(name, missing);
    if (meant !== undefined)
      mistakes.push(`export "${name}": expected a known name; did you mean "${meant}"?`);
  }
  if (exports.default !== undefined) return mistakes;
  if (exports.verify === undefined)
    mistakes.push(`export "verify": expected ${EXPORTS.verify[0]}, got nothing`);
  const sources = ['items', 'generate'].filter((name) => exports[name] !== undefined);
  if (sources.length !== 1)
    mistakes.push(
      `expected one export of "items" (so many problems) and "generate" (endless ones), got ${sources.length === 0 ? 'neither' : 'both'}`,
    );
  return mistakes;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value as a user would call it. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'function') return 'a function';
  if (value instanceof Promise) return 'a promise; it must not be async';
  const written = JSON.stringify(value) ?? String(value);
  return written.length > 60 ? `${written.slice(0, 57)}...` : written;
}
