/**
 * Converts snake_case keys such as `max_completion_length` to camelCase, in objects and in types.
 * @module
 */

type CamelKey<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelKey<Tail>>}`
  : S;

/** A record's type with camelCase keys. */
export type CamelCased<T> = { [K in keyof T as K extends string ? CamelKey<K> : K]: T[K] };

/**
 * Returns a copy of an object with camelCase keys.
 *
 * @example
 * camelCased({ save_steps: 5 }); // => { saveSteps: 5 }
 */
export function camelCased<T extends object>(record: T): CamelCased<T> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [
      key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  ) as CamelCased<T>; // `CamelKey` converts the key types exactly as the expression above converts the keys
}
