/**
 * Checks which settings change when a run is resumed. Training settings may change; the team, the task and
 * the reward may not.
 * @module
 */
import { show } from '../schema/fields.ts';
import type { PlacelessIssue } from './issues.ts';
import type { ResolvedConfig } from './resolve.ts';
import type { Config } from './schema.ts';

/**
 * Keys that must not change when a run is resumed. With another team, task, policy or reward, acceptance
 * tests before and after the change would not be comparable. `gate.alpha` must not change, because it bounds
 * the error of all tests of a run together (E64). `algorithm` and `base` have no effect on a resumed run,
 * because their settings are already in other keys.
 */
const FIXED: readonly (readonly string[])[] = [
  ['seed'],
  ['algorithm'],
  ['base'],
  ['agents'],
  ['chat_template'],
  ['chat_template_kwargs'],
  ['protocol'],
  ['task'],
  ['reward'],
  ['contamination'],
  ['eval', 'benchmarks'],
  ['train', 'temperature'],
  ['train', 'max_completion_length'],
  ['train', 'overlong_prompts'],
  ['gate', 'alpha'],
];

/**
 * Rejects changes of keys that must not change.
 *
 * @param before - configuration of the run
 * @param now - the same configuration with the flags of the resuming command
 * @throws ConfigError with one line per changed key
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
    { path, message: `expected ${had}, the value of this run, got ${got}; start a new run to change it` },
  ];
}

/**
 * Formats a value for messages. A list is formatted as its length, because only lists of different lengths
 * are compared here.
 */
function shown(value: unknown): string {
  return Array.isArray(value) ? `a list of ${value.length}` : show(value);
}

function valueAt(config: Config, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isSection(value) ? value[key] : undefined), config);
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
