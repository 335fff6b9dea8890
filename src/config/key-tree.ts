/**
 * The keys of every section of the configuration schema, for suggestions in error messages and for the generated
 * documentation.
 * @module
 */
import { alternatives, type JsonSchema, jsonSchemaOf } from '../schema/json-schema.ts';
import { nearestName } from '../support/nearest.ts';
import { agentsField, configSchema } from './schema.ts';

let cached: JsonSchema | undefined;

/** Returns the JSON schema of a team file as users write it, with defaults and descriptions. */
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

/** Returns the keys that are allowed at a path, in the order of the schema; [] if the path has no keys. */
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
 * Finds the known key whose spelling is most similar to an unknown key: in the same section, else in another
 * section.
 *
 * @returns a key of the section, or the dotted path of a key of another section; undefined if no key is
 *   similar
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
