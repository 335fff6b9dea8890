/**
 * Converts snake_case keys such as `max_completion_length` to camelCase, in values and in types.
 * @module
 */

type CamelKey<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelKey<Tail>>}`
  : S;

/** A record's type with camelCase keys. */
export type CamelCased<T> = { [K in keyof T as K extends string ? CamelKey<K> : K]: T[K] };

/**
 * @example
 * camelCased({ save_steps: 5 }); // => { saveSteps: 5 }
 */
export function camelCased<T extends object>(record: T): CamelCased<T> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [
      key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  ) as CamelCased<T>; // the type repeats the expression above
}
