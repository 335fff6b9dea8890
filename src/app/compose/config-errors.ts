/**
 * Adds the place in the team file to errors of factories, which know the names of their options alone.
 * @module
 */
import type { ResolvedConfig } from '../../config/resolve.ts';
import { ConfigError, type ConfigIssue } from '../../support/errors.ts';

type ConfigPath = readonly (string | number)[];

/**
 * Runs a factory and reports its ConfigError at a path of the team file.
 *
 * @param path - section of the factory's options, or the key of the value it uses
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
  // an issue in another file, such as a line of a task's data, already has its place
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
