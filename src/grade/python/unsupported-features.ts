/**
 * Finds unsupported features before a program runs, so that a task can skip the item with a warning instead of
 * grading answers with a program that cannot run.
 * @module
 */
import type { Program } from './ast.ts';
import { METHOD_NAMES } from './attributes.ts';
import { Interpreter } from './interpreter.ts';
import { canImport, moduleAttributes } from './modules.ts';

/** Built-in names of Python that this interpreter does not provide, most of them for security. */
const WITHHELD = new Set(
  (
    '__import__ open eval exec compile input globals locals vars dir getattr setattr hasattr delattr breakpoint ' +
    'help exit quit memoryview bytes bytearray complex super property staticmethod classmethod slice id hash ascii ' +
    'bin oct hex issubclass aiter anext __builtins__ __name__ __file__ __doc__ __loader__ __spec__'
  ).split(' '),
);

let offered: { readonly attributes: ReadonlySet<string>; readonly interpreter: Interpreter } | undefined;

/**
 * Returns the unsupported names, attributes and imports that programs use; empty if there are none. Some
 * unsupported features are found only at run time, where they throw {@link UnsupportedFeature}.
 *
 * @param programs - programs that run in the same module, so that one of them may define names that another
 *   one uses
 *
 * @example
 * unsupportedFeatures([parseProgram('import os\nopen("x")')]); // => ['open', 'import os']
 */
export function unsupportedFeatures(programs: readonly Program[]): string[] {
  if (!offered) {
    const interpreter = new Interpreter();
    const attributes = new Set([...METHOD_NAMES, ...moduleAttributes(interpreter.runtime)]);
    offered = { attributes, interpreter };
  }
  const { attributes, interpreter } = offered;
  const all = (read: (program: Program) => ReadonlySet<string>): string[] => [
    ...new Set(programs.flatMap((program) => [...read(program)])),
  ];
  const assigned = new Set(all(({ uses }) => uses.assigned));
  return [
    ...all(({ uses }) => uses.names).filter((name) => WITHHELD.has(name) && !assigned.has(name)),
    ...all(({ uses }) => uses.attributes)
      .filter((name) => !attributes.has(name))
      .map((name) => `.${name}`),
    ...all(({ uses }) => uses.imports)
      .filter((name) => !canImport(name, interpreter.runtime))
      .map((name) => `import ${name}`),
  ];
}
