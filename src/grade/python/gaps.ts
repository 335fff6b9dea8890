/**
 * Tells before a program runs what it asks for that this interpreter does not offer, so that an item is left out
 * with a word to the user rather than judged by a program that could not run.
 * @module
 */
import type { Program } from './ast.ts';
import { METHOD_NAMES } from './attributes.ts';
import { Interpreter } from './interpreter.ts';
import { canImport, moduleAttributes } from './modules.ts';

/** Names that Python has and this interpreter does not offer, most of them for good reason. */
const WITHHELD = new Set(
  (
    '__import__ open eval exec compile input globals locals vars dir getattr setattr hasattr delattr breakpoint ' +
    'help exit quit memoryview bytes bytearray complex super property staticmethod classmethod slice id hash ascii ' +
    'bin oct hex issubclass aiter anext __builtins__ __name__ __file__ __doc__ __loader__ __spec__'
  ).split(' '),
);

let offered: { readonly attributes: ReadonlySet<string>; readonly interpreter: Interpreter } | undefined;

/** What programs ask for and do not get, e.g. `open` or `import os`; empty if they can run. */
export function gapsOf(programs: readonly Program[]): string[] {
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
