/**
 * What may change when a run goes on: how long and how it trains, not what it is.
 * @module
 */
import { show } from '../schema/fields.ts';
import type { PlacelessIssue } from './issues.ts';
import type { ResolvedConfig } from './resolve.ts';
import type { Config } from './schema.ts';

/**
 * Keys that every checkpoint, test and champion of a run is about. With another team, task, policy or
 * reward the tests before and after would compare different things, and alpha is spent over the whole run
 * (E64). `algorithm` and `base` were written out into other keys when the run was made.
 */
const FIXED: readonly (readonly string[])[] = [
  ['seed'],
  ['algorithm'],
  ['base'],
  ['agents'],
  ['protocol'],
  ['task'],
  ['reward'],
  ['contamination'],
  ['eval', 'benchmarks'],
  ['train', 'temperature'],
  ['train', 'max_completion_length'],
  ['gate', 'alpha'],
];

/**
 * Refuses to go on with a run as if it were another one.
 *
 * @param before - the run's own configuration
 * @param now - the same with the flags of the resuming command
 * @throws ConfigError with one line per key that differs
 */
export function requireSameRun(before: Config, now: ResolvedConfig): void {
  const problems = FIXED.flatMap((path) =>
    differences(path, valueAt(before, path), valueAt(now.config, path)),
  );
  if (problems.length > 0) throw now.problem(problems);
}

function differences(path: readonly string[], before: unknown, now: unknown): PlacelessIssue[] {
  if (isSection(before) && isSection(now)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(now)]);
    return [...keys].flatMap((key) => differences([...path, key], before[key], now[key]));
  }
  if (Array.isArray(before) && Array.isArray(now) && before.length === now.length)
    return before.flatMap((value, index) => differences([...path, `${index}`], value, now[index]));
  const [had, got] = [shown(before), shown(now)];
  if (had === got) return [];
  return [
    { path, message: `expected ${had}, which this run was started with, got ${got}; start a new run for it` },
  ];
}

/** Lists of different lengths differ in how many things they hold. */
function shown(value: unknown): string {
  return Array.isArray(value) ? `a list of ${value.length}` : show(value);
}

function valueAt(config: Config, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isSection(value) ? value[key] : undefined), config);
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
