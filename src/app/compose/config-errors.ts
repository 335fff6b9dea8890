/**
 * Adds positions in the team file to errors of factories. A factory knows only the names of its options.
 * @module
 */
import type { ResolvedConfig } from '../../config/resolve.ts';
import { ConfigError, type ConfigIssue } from '../../support/errors.ts';

type ConfigPath = readonly (string | number)[];

/**
 * Calls a factory. If it throws a ConfigError, rethrows the error with a position in the team file.
 *
 * @param path - key of the section with the factory's options, or key of the value that the factory uses
 */
export async function locateErrors<T>(
  resolved: ResolvedConfig,
  path: ConfigPath,
  make: () => T | Promise<T>,
): Promise<T> {
  try {
    return await make();
  } catch (error) {
    throw locatedError(resolved, path, error);
  }
}

function locatedError(resolved: ResolvedConfig, path: ConfigPath, error: unknown): unknown {
  // an error in another file, such as a line of a task's data, already has a position
  if (!(error instanceof ConfigError) || error.issues.some(({ file }) => file !== undefined)) return error;
  const issues: readonly ConfigIssue[] =
    error.issues.length > 0 ? error.issues : [{ path: '', message: error.message }];
  return resolved.problem(
    issues.map(({ path: option, message, suggestion }) => {
      const hint =
        suggestion === undefined || message.includes('did you mean') ? '' : `; did you mean "${suggestion}"?`;
      return {
        path: [...path, ...(option === '' ? [] : option.split('.'))],
        message: `${message.replace(/^unknown option /, 'unknown key ')}${hint}`,
        isKey: message.startsWith('unknown option '),
      };
    }),
  );
}
