/**
 * Runs an item's checks on an answer. Every verdict has an interpreter of its own, so no check sees what another
 * one did, and the answer is data from beginning to end: it is never part of a program.
 * @module
 */
import type { Program } from '../../grade/python/ast.ts';
import type { Limits } from '../../grade/python/budget.ts';
import { toArray } from '../../grade/python/collections.ts';
import { LimitReached, PythonSyntaxError, Raised, Unsupported } from '../../grade/python/errors.ts';
import { gapsOf } from '../../grade/python/gaps.ts';
import { Interpreter } from '../../grade/python/interpreter.ts';
import { parseProgram } from '../../grade/python/parser.ts';
import {
  isTruthy,
  PyDict,
  PyFunction,
  PyList,
  PySet,
  PyTuple,
  type Value,
} from '../../grade/python/value.ts';

/** Python source as the data have it. */
export interface CheckerSource {
  /** Defines `inputs_check`. */
  readonly inputs: string;
  /** Defines `constraint_list`. */
  readonly constraints: string;
}

export type Check =
  | { readonly kind: 'valid' }
  | { readonly kind: 'invalid'; readonly reason: string }
  /** The interpreter lacks something that the check asks for while it runs. */
  | { readonly kind: 'unverifiable'; readonly reason: string };

export interface Checker {
  check(inputs: Value): Check;
}

/** Why an item's checks cannot be used; what a user should be told. */
export class UnusableChecker extends Error {}

/** @throws UnusableChecker for source that is not Python, or asks for what is not offered */
export function createChecker({ inputs, constraints }: CheckerSource, limits?: Limits): Checker {
  const programs = [inputs, constraints].map(read);
  const gaps = gapsOf(programs);
  if (gaps.length > 0) throw new UnusableChecker(`its checks ask for ${gaps.slice(0, 5).join(', ')}`);
  return { check: (value) => checked(programs, value, limits) };
}

function read(source: string): Program {
  try {
    return parseProgram(source);
  } catch (error) {
    if (error instanceof Unsupported) throw new UnusableChecker(`its checks ask for ${error.message}`);
    if (error instanceof PythonSyntaxError || error instanceof LimitReached)
      throw new UnusableChecker(`its checks cannot be read: ${error.message}`);
    throw error;
  }
}

function checked(programs: readonly Program[], inputs: Value, limits?: Limits): Check {
  const interpreter = new Interpreter(limits);
  try {
    return interpreter.guarded(() => verdict(interpreter, programs, inputs));
  } catch (error) {
    if (error instanceof Raised)
      return { kind: 'invalid', reason: `the checks raise ${error.message.slice(0, 200)}` };
    if (error instanceof LimitReached) return { kind: 'invalid', reason: `the checks take ${error.message}` };
    if (error instanceof Unsupported)
      return { kind: 'unverifiable', reason: `the checks ask for ${error.message}` };
    // a fault of the interpreter must not end a run; the verdict says so
    const why = error instanceof Error ? error.message : String(error);
    return { kind: 'unverifiable', reason: `the interpreter failed: ${why}` };
  }
}

function verdict(interpreter: Interpreter, programs: readonly Program[], inputs: Value): Check {
  if (hasEndlessFloat(inputs)) return { kind: 'invalid', reason: 'inf and nan are no literals' }; // officially the answer is written into a program
  for (const program of programs) interpreter.run(program);
  const holds = (check: Value): boolean =>
    isTruthy(interpreter.call(check, { args: [inputs], named: new Map() }));
  const list = (): Value[] => toArray(interpreter.global('constraint_list'), interpreter.budget);
  if (!holds(interpreter.global('inputs_check'))) return { kind: 'invalid', reason: 'inputs_check says no' };
  for (const [index, constraint] of list().entries())
    if (!holds(constraint)) {
      const name = constraint instanceof PyFunction ? constraint.node.name : `constraint ${index + 1}`;
      return { kind: 'invalid', reason: `${name} says no` };
    }
  if (interpreter.hasPrinted)
    return { kind: 'invalid', reason: 'the checks print, which officially counts as wrong' };
  return { kind: 'valid' };
}

function hasEndlessFloat(value: Value): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  if (value instanceof PyList || value instanceof PyTuple) return value.items.some(hasEndlessFloat);
  if (value instanceof PySet) return [...value.members.values()].some(hasEndlessFloat);
  return value instanceof PyDict && [...value.entries.values()].flat().some(hasEndlessFloat);
}
