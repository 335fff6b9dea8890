/**
 * The entry of the Python interpreter: runs a program in a new interpreter.
 * @module
 */
import type { Limits } from './budget.ts';
import { Interpreter } from './interpreter.ts';
import { parseProgram } from './parser.ts';

/**
 * Runs a program in a new interpreter. The program has no access to files, the network, the clock or the host.
 *
 * @param source - Python source
 * @param limits - default: 10 million steps, 4 million memory cells, 150 nested calls
 * @returns the interpreter after the run, with the variables of the module in `global(name)`
 * @throws PythonSyntaxError for a text that is not Python
 * @throws UnsupportedFeature for Python that the interpreter does not support
 * @throws PythonError for an exception that the program does not catch
 * @throws LimitExceeded for a program that exceeds a limit
 *
 * @example
 * runPython('total = sum(n * n for n in range(4))').global('total'); // => 14n
 */
export function runPython(source: string, limits?: Limits): Interpreter {
  const interpreter = new Interpreter(limits);
  interpreter.run(parseProgram(source));
  return interpreter;
}
