/**
 * Imports a user's TypeScript module. The loader hooks are registered, and a transpiler is loaded, only at
 * the first import.
 * @module
 */
import * as nodeModule from 'node:module';
import { dirname, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as hooks from './typescript-hooks.ts';

/** The part of `node:module` that only newer Node versions have; older ones have `register` instead. */
interface NewerModule {
  readonly registerHooks?: (hooks: object) => unknown;
}

let isRegistered = false;

/**
 * Imports a TypeScript module; its types are stripped. Its relative imports of `.ts` files are loaded in the
 * same way.
 *
 * @param path - absolute path of the module
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
  // if this file itself runs as TypeScript, a loader for TypeScript is already active
  if (isRegistered || import.meta.url.endsWith('.ts')) return;
  isRegistered = true;
  const { registerHooks } = nodeModule as NewerModule;
  if (registerHooks) registerHooks({ resolve: hooks.resolve, load: hooks.load });
  else nodeModule.register('./typescript-hooks.js', import.meta.url);
}

/** Prepends file and line to the message of a syntax error, because Node writes them only into the stack. */
function withPosition(error: SyntaxError, folder: string): SyntaxError {
  const own = /^(?<path>.*\.ts):(?<line>\d+): (?<message>.*)$/s.exec(error.message)?.groups;
  const native = /^(?<path>\S*\.ts)(?:\?\w*)?:(?<line>\d+)\n/.exec(error.stack ?? '')?.groups;
  const { path, line, message = error.message } = own ?? native ?? {};
  if (path === undefined) return error;
  const file = path.startsWith('file:') ? fileURLToPath(path) : path;
  return new SyntaxError(`${relative(folder, file)}:${line}: ${message}`, { cause: error });
}
