/**
 * Calls the functions of a task module. An exception becomes an error that names the module and the function, because its
 * own message names neither.
 * @module
 */
import { pathToFileURL } from 'node:url';
import { TroupeError } from '../../support/errors.ts';
import { moduleError } from './load.ts';

/**
 * Calls a function of a module.
 *
 * @param at.path - absolute path of the module
 * @param at.name - name of the export
 * @throws ConfigError if the function throws; errors of this package, e.g. about a damaged data file, are unchanged
 */
export function callExport<T>(
  { path, name }: { readonly path: string; readonly name: string },
  call: () => T,
): T {
  try {
    return call();
  } catch (cause) {
    if (cause instanceof TroupeError) throw cause;
    throw moduleError(path, [`${name}: expected a result, got an error${thrown(cause, path)}`], cause);
  }
}

/** Returns line and message of an exception, such as ` in line 7: x is not a function`. */
function thrown(cause: unknown, path: string): string {
  if (!(cause instanceof Error)) return `: ${String(cause)}`;
  const places = [path, pathToFileURL(path).href];
  const frames = (cause.stack ?? '').split('\n').slice(1);
  const frame = frames.find((one) => places.some((place) => one.includes(place)));
  const line = /:(\d+):\d+\)?$/.exec(frame ?? '')?.[1];
  return `${line === undefined ? '' : ` in line ${line}`}: ${cause.message.split('\n')[0]}`;
}

/** Returns a task whose methods name the module if they throw. */
export function namedInErrors<T extends object>(task: T, path: string): T {
  return new Proxy(task, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function' || typeof key === 'symbol') return value;
      return (...given: unknown[]): unknown =>
        callExport({ path, name: `default export: ${key}` }, () => value.apply(target, given) as unknown);
    },
  });
}
