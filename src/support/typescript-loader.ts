/**
 * Imports a user's TypeScript module. The hooks are registered, and a transpiler is loaded, with the first one.
 * @module
 */
import * as nodeModule from 'node:module';
import { dirname, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as hooks from './typescript-hooks.ts';

/** Newer Node versions have `registerHooks` instead of `register`. */
interface NewerModule {
  readonly registerHooks?: (hooks: object) => unknown;
}

let isRegistered = false;

/**
 * Imports a module whose types are stripped. Its relative imports of `.ts` files are loaded the same way.
 *
 * @param path - absolute
 * @throws SyntaxError `FILE:LINE: message`, with the file relative to the module's folder
 * @throws errors of the module
 */
export async function importTypeScript(path: string): Promise<Readonly<Record<string, unknown>>> {
  registerOnce();
  const url = pathToFileURL(path).href;
  try {
    return await import(/* @vite-ignore */ url + hooks.MARK);
  } catch (error) {
    throw error instanceof SyntaxError ? withPosition(error, dirname(path)) : error;
  }
}

function registerOnce(): void {
  // if this file is TypeScript, a loader for TypeScript is already active
  if (isRegistered || import.meta.url.endsWith('.ts')) return;
  isRegistered = true;
  const { registerHooks } = nodeModule as NewerModule;
  if (registerHooks) registerHooks({ resolve: hooks.resolve, load: hooks.load });
  else nodeModule.register('./typescript-hooks.js', import.meta.url);
}

/** Prepends file and line to the message; Node has them in the stack only. */
function withPosition(error: SyntaxError, folder: string): SyntaxError {
  const own = /^(?<path>.*\.ts):(?<line>\d+): (?<message>.*)$/s.exec(error.message)?.groups;
  const native = /^(?<path>\S*\.ts)(?:\?\w*)?:(?<line>\d+)\n/.exec(error.stack ?? '')?.groups;
  const { path, line, message = error.message } = own ?? native ?? {};
  if (path === undefined) return error;
  const file = path.startsWith('file:') ? fileURLToPath(path) : path;
  return new SyntaxError(`${relative(folder, file)}:${line}: ${message}`, { cause: error });
}
