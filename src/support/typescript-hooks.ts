/**
 * Loader hooks with which Node imports TypeScript modules, for `module.registerHooks` and, on an older Node,
 * `module.register`. Node strips the types if its version can; otherwise `@swc/wasm-typescript` does, the
 * transpiler that newer Node versions contain. A file is always loaded as an ES module; the `type` in the
 * nearest package.json is ignored.
 *
 * The hooks handle only modules whose URL ends in {@link MARK}, so that other loaders of the process keep
 * their modules. A marked module passes the mark on to its relative imports. After `initialize({ every: true
 * })` the hooks handle every `.ts` file.
 * @module
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export const MARK = '?typescript';

interface Resolved {
  readonly url: string;
  readonly format?: string | null | undefined;
  readonly shortCircuit?: boolean | undefined;
}

interface Loaded {
  readonly format: string;
  readonly source?: string | ArrayBuffer | NodeJS.TypedArray | undefined;
  readonly shortCircuit?: boolean | undefined;
}

interface ResolveContext {
  readonly parentURL?: string | undefined;
}

interface LoadContext {
  readonly format?: string | null | undefined;
}

let every = false;

export function initialize(options: { readonly every?: boolean } = {}): void {
  every = options.every ?? false;
}

export function resolve<C extends ResolveContext, R extends Resolved | Promise<Resolved>>(
  specifier: string,
  context: C,
  next: (specifier: string, context: C) => R,
): Resolved | Promise<Resolved> {
  const isMarked = context.parentURL?.endsWith(MARK) ?? false;
  const mark = (resolved: Resolved): Resolved =>
    isMarked && resolved.url.endsWith('.ts') ? { ...resolved, url: resolved.url + MARK } : resolved;
  const resolved = next(specifier, context);
  return resolved instanceof Promise ? resolved.then(mark) : mark(resolved);
}

export function load<C extends LoadContext, R extends Loaded | Promise<Loaded>>(
  url: string,
  context: C,
  next: (url: string, context: C) => R,
): Loaded | R {
  const isOurs = url.endsWith(`.ts${MARK}`) || (every && url.startsWith('file:') && url.endsWith('.ts'));
  if (!isOurs) return next(url, context);
  const path = fileURLToPath(url);
  // Node does not strip types of files under node_modules
  const { typescript } = process.features as { readonly typescript?: string | false };
  if (typescript && !/[\\/]node_modules[\\/]/.test(path))
    return next(url, { ...context, format: 'module-typescript' });
  return { format: 'module', source: stripTypes(readFileSync(path, 'utf8'), path), shortCircuit: true };
}

type Transpiler = typeof import('@swc/wasm-typescript');
let transpiler: Transpiler | undefined;

/**
 * Replaces types by spaces, so that line and column numbers do not change.
 *
 * @throws SyntaxError `PATH:LINE: message`
 */
export function stripTypes(source: string, path: string): string {
  transpiler ??= createRequire(import.meta.url)('@swc/wasm-typescript') as Transpiler;
  try {
    return transpiler.transformSync(source, { mode: 'strip-only', module: true, filename: path }).code;
  } catch (thrown) {
    const { message, startLine } = thrown as { readonly message: string; readonly startLine?: number };
    throw new SyntaxError(`${path}:${startLine ?? 1}: ${message}`, { cause: thrown });
  }
}
