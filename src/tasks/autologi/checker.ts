/**
 * Runs the checks of an item on an answer. Every verdict uses a new interpreter, so that checks do not affect
 * each other. The answer is passed to the checks as a value; its text is never part of a program.
 * @module
 */
import type { Program } from '../../grade/python/ast.ts';
import type { Limits } from '../../grade/python/budget.ts';
import { toArray } from '../../grade/python/collections.ts';
import {
  LimitExceeded,
  PythonError,
  PythonSyntaxError,
  UnsupportedFeature,
} from '../../grade/python/errors.ts';
import { Interpreter } from '../../grade/python/interpreter.ts';
import { parseProgram } from '../../grade/python/parser.ts';
import { unsupportedFeatures } from '../../grade/python/unsupported-features.ts';
import {
  isTruthy,
  PyDict,
  PyFunction,
  PyList,
  PySet,
  PyTuple,
  type Value,
} from '../../grade/python/value.ts';

/** Python source of the checks of an item. */
export interface CheckerSource {
  /** Defines `inputs_check`. */
  readonly inputs: string;
  /** Source that defines the list `constraint_list`. */
  readonly constraints: string;
}

/** The result of running the checks on an answer. */
export type Check =
  | { readonly kind: 'valid' }
  | { readonly kind: 'invalid'; readonly reason: string }
  /** The checks use an unsupported feature at run time, or the interpreter failed. */
  | { readonly kind: 'unverifiable'; readonly reason: string };

export interface Checker {
  check(inputs: Value): Check;
}

/** Thrown if the checks of an item cannot be used. The message is the reason, which a warning shows. */
export class UnusableChecker extends Error {}

/**
 * Parses the checks of an item. @throws UnusableChecker for a source that is not Python or uses unsupported
 * features
 */
export function createChecker({ inputs, constraints }: CheckerSource, limits?: Limits): Checker {
  const programs = [inputs, constraints].map(read);
  const features = unsupportedFeatures(programs);
  if (features.length > 0)
    throw new UnusableChecker(`unsupported Python: ${features.slice(0, 5).join(', ')}`);
  return { check: (value) => checked(programs, value, limits) };
}

function read(source: string): Program {
  try {
    return parseProgram(source);
  } catch (error) {
    if (error instanceof UnsupportedFeature)
      throw new UnusableChecker(`unsupported Python: ${error.message}`);
    if (error instanceof PythonSyntaxError || error instanceof LimitExceeded)
      throw new UnusableChecker(`its checks cannot be parsed: ${error.message}`);
    throw error;
  }
}

function checked(programs: readonly Program[], inputs: Value, limits?: Limits): Check {
  const interpreter = new Interpreter(limits);
  try {
    return interpreter.guarded(() => verdict(interpreter, programs, inputs));
  } catch (error) {
    if (error instanceof PythonError)
      return { kind: 'invalid', reason: `the checks raise ${error.message.slice(0, 200)}` };
    if (error instanceof LimitExceeded)
      return { kind: 'invalid', reason: `the checks take ${error.message}` };
    if (error instanceof UnsupportedFeature)
      return { kind: 'unverifiable', reason: `unsupported Python: ${error.message}` };
    // any other error is a bug of the interpreter, which must not end the run
    const why = error instanceof Error ? error.message : String(error);
    return { kind: 'unverifiable', reason: `the interpreter failed: ${why}` };
  }
}

function verdict(interpreter: Interpreter, programs: readonly Program[], inputs: Value): Check {
  // the official code writes the answer into a Python program, where `inf` and `nan` are undefined names
  if (hasEndlessFloat(inputs)) return { kind: 'invalid', reason: 'inf and nan are not literals' };
  for (const program of programs) interpreter.run(program);
  const holds = (check: Value): boolean =>
    isTruthy(interpreter.call(check, { args: [inputs], named: new Map() }));
  const list = (): Value[] => toArray(interpreter.global('constraint_list'), interpreter.budget);
  if (!holds(interpreter.global('inputs_check')))
    return { kind: 'invalid', reason: 'inputs_check is not satisfied' };
  for (const [index, constraint] of list().entries())
    if (!holds(constraint)) {
      const name = constraint instanceof PyFunction ? constraint.node.name : `constraint ${index + 1}`;
      return { kind: 'invalid', reason: `${name} is not satisfied` };
    }
  if (interpreter.hasPrinted)
    return { kind: 'invalid', reason: 'the checks print, which counts as wrong in the official evaluation' };
  return { kind: 'valid' };
}

function hasEndlessFloat(value: Value): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  if (value instanceof PyList || value instanceof PyTuple) return value.items.some(hasEndlessFloat);
  if (value instanceof PySet) return [...value.members.values()].some(hasEndlessFloat);
  return value instanceof PyDict && [...value.entries.values()].flat().some(hasEndlessFloat);
}
