/**
 * The keys of every section of the configuration schema, for suggestions in error messages and for the generated
 * documentation.
 * @module
 */
import { alternatives, type JsonSchema, jsonSchemaOf } from '../schema/json-schema.ts';
import { nearestName } from '../support/nearest.ts';
import { agentsField, configSchema } from './schema.ts';

let cached: JsonSchema | undefined;

/** JSON schema of the team file as users write it: defaults and descriptions included. */
export function configJsonSchema(): JsonSchema {
  cached ??= jsonSchemaOf(configSchema, ({ zodSchema, jsonSchema }) => {
    if ((zodSchema as unknown) !== agentsField) return;
    const { type, items, minItems, maxItems } = jsonSchema;
    jsonSchema.anyOf = [
      { type, items, minItems, maxItems } as typeof jsonSchema,
      { type: 'integer', minimum: 1 },
    ];
    for (const key of ['type', 'items', 'minItems', 'maxItems'] as const) delete jsonSchema[key];
  });
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
 * The known key that is nearest to an unknown one: a key of the same section, else a key of another section.
 *
 * @returns a key of the section, or the dotted path of a key of another section; undefined if none is near
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
