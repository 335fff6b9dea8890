/**
 * Which keys the schema has where, read from its JSON schema: for "did you mean" and the generated docs.
 * @module
 */
import { z } from 'zod';
import { nearestName } from '../support/nearest.ts';
import { agentsField, configSchema } from './schema.ts';

/** The part of JSON schema (draft 2020-12) that zod produces for the team file. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly additionalProperties?: boolean | JsonSchema;
}

let cached: JsonSchema | undefined;

/** JSON schema of the team file as users write it: defaults and descriptions included. */
export function configJsonSchema(): JsonSchema {
  cached ??= z.toJSONSchema(configSchema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      // zod bounds integers by what a double holds exactly; that is noise to a reader
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if ((zodSchema as unknown) === agentsField) {
        const { type, items, minItems, maxItems } = jsonSchema;
        jsonSchema.anyOf = [
          { type, items, minItems, maxItems } as typeof jsonSchema,
          { type: 'integer', minimum: 1 },
        ];
        for (const key of ['type', 'items', 'minItems', 'maxItems'] as const) delete jsonSchema[key];
      }
    },
  }) as JsonSchema;
  return cached;
}

/** Keys allowed at a path, in the order of the schema; [] where there are none. */
export function keysAt(path: readonly PropertyKey[]): string[] {
  let nodes: JsonSchema[] = [configJsonSchema()];
  for (const step of path)
    nodes = nodes.flatMap(alternatives).flatMap((node) => {
      const next = typeof step === 'number' ? node.items : node.properties?.[String(step)];
      return next === undefined ? [] : [next];
    });
  return [...new Set(nodes.flatMap(alternatives).flatMap((node) => Object.keys(node.properties ?? {})))];
}

/**
 * What an unknown key probably meant: the nearest one of its section, else a key of the same name elsewhere.
 *
 * @returns a key, or the dotted path of one in another section
 */
export function nearestKey(section: readonly PropertyKey[], key: string): string | undefined {
  const near = nearestName(key, keysAt(section));
  if (near !== undefined) return near;
  const elsewhere = keysAt([]).flatMap((name) =>
    keysAt([name]).map((leaf) => ({ leaf, path: `${name}.${leaf}` })),
  );
  const leaf = nearestName(
    key,
    elsewhere.map((one) => one.leaf),
  );
  return elsewhere.find((one) => one.leaf === leaf)?.path;
}

/** A node and, if it is a union, its members. */
export function alternatives(node: JsonSchema): JsonSchema[] {
  return [node, ...(node.anyOf ?? []), ...(node.oneOf ?? [])];
}
