/**
 * Reads the arguments of calls to built-in functions.
 * @module
 */
import { numeric } from './compare.ts';
import { PythonError, UnsupportedFeature } from './errors.ts';
import { type Call, typeName, type Value } from './value.ts';

export interface Arguments {
  /**
   * Returns the argument at this position or with this name. @throws PythonError TypeError if the argument is
   * missing
   */
  need(index: number, name?: string): Value;
  /** Returns the argument at this position or with this name; undefined if the argument is missing. */
  take(index: number, name?: string): Value | undefined;
}

/**
 * Checks the arguments of a call and returns functions that read them.
 *
 * @param at - name of the called function, for error messages
 * @param shape.most - maximum number of positional arguments
 * @param shape.names - names of keyword arguments that are accepted
 * @throws PythonError TypeError for too many arguments; UnsupportedFeature for other keyword arguments
 */
export function readArguments(
  at: string,
  { args, named }: Call,
  { most, names = [] }: { readonly most: number; readonly names?: readonly string[] },
): Arguments {
  if (args.length > most)
    throw new PythonError('TypeError', `${at} expected at most ${most} arguments, got ${args.length}`);
  for (const name of named.keys())
    if (!names.includes(name)) throw new UnsupportedFeature(`${at} with the argument ${name}`);
  const take = (index: number, name?: string): Value | undefined =>
    index < args.length ? args[index] : name === undefined ? undefined : named.get(name);
  return {
    take,
    need(index, name) {
      const value = take(index, name);
      if (value === undefined) throw new PythonError('TypeError', `${at} missing argument ${index + 1}`);
      return value;
    },
  };
}

/** Returns the value of an integer or bool. @throws PythonError TypeError for other types */
export function integerOf(value: Value): bigint {
  const number = numeric(value);
  if (typeof number === 'bigint') return number;
  throw new PythonError('TypeError', `'${typeName(value)}' object cannot be interpreted as an integer`);
}

/** Returns the value of a string. @throws PythonError TypeError for other types */
export function textArgument(value: Value): string {
  if (typeof value === 'string') return value;
  throw new PythonError('TypeError', `expected str, got ${typeName(value)}`);
}

/**
 * Converts a Python index to an offset within [0, length]. A negative index counts from the end of the
 * sequence. @returns `fallback` for a missing index
 */
export function clamped(value: Value | undefined, fallback: number, length: number): number {
  if (value === undefined || value === null) return fallback;
  const index = integerOf(value);
  const from = index < 0n ? index + BigInt(length) : index;
  return from < 0n ? 0 : from > BigInt(length) ? length : Number(from);
}
