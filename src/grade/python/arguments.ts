/**
 * Reads what a function of the interpreter was called with.
 * @module
 */
import { numeric } from './compare.ts';
import { Raised, Unsupported } from './errors.ts';
import { type Call, typeName, type Value } from './value.ts';

export interface Arguments {
  /** The n-th argument, or the one of that name. @throws Raised TypeError without one */
  need(index: number, name?: string): Value;
  take(index: number, name?: string): Value | undefined;
}

/**
 * @param at - name of the function, for messages
 * @param shape.most - how many arguments by position there may be
 * @param shape.names - names that may be given
 */
export function readArguments(
  at: string,
  { args, named }: Call,
  { most, names = [] }: { readonly most: number; readonly names?: readonly string[] },
): Arguments {
  if (args.length > most)
    throw new Raised('TypeError', `${at} expected at most ${most} arguments, got ${args.length}`);
  for (const name of named.keys())
    if (!names.includes(name)) throw new Unsupported(`${at} with the argument ${name}`);
  const take = (index: number, name?: string): Value | undefined =>
    index < args.length ? args[index] : name === undefined ? undefined : named.get(name);
  return {
    take,
    need(index, name) {
      const value = take(index, name);
      if (value === undefined) throw new Raised('TypeError', `${at} missing argument ${index + 1}`);
      return value;
    },
  };
}

/** An integer, bool included. @throws Raised TypeError */
export function integerOf(value: Value): bigint {
  const number = numeric(value);
  if (typeof number === 'bigint') return number;
  throw new Raised('TypeError', `'${typeName(value)}' object cannot be interpreted as an integer`);
}

/** @throws Raised TypeError */
export function textArgument(value: Value): string {
  if (typeof value === 'string') return value;
  throw new Raised('TypeError', `expected str, got ${typeName(value)}`);
}

/** An index into something so long, negative ones counted from its end and all of them cut to it. */
export function clamped(value: Value | undefined, fallback: number, length: number): number {
  if (value === undefined || value === null) return fallback;
  const index = integerOf(value);
  const from = index < 0n ? index + BigInt(length) : index;
  return from < 0n ? 0 : from > BigInt(length) ? length : Number(from);
}
