/**
 * Converts zod schemas to JSON schemas, for editors and for the generated documentation.
 * @module
 */
import { z } from 'zod';

/** The part of JSON schema (draft 2020-12) that zod produces for the schemas of this project. */
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

type Override = NonNullable<NonNullable<Parameters<typeof z.toJSONSchema>[1]>['override']>;

/**
 * Returns the JSON schema of the input that a zod schema accepts, with defaults and descriptions.
 *
 * @param override - changes the JSON schema of single nodes, as in `z.toJSONSchema`
 */
export function jsonSchemaOf(schema: z.ZodType, override?: Override): JsonSchema {
  return z.toJSONSchema(schema, {
    io: 'input',
    override: (context) => {
      const { jsonSchema } = context;
      // zod adds the bounds of integers that a double represents exactly; they are removed, because they do
      // not help a reader
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      override?.(context);
    },
  }) as JsonSchema;
}

/** Returns a node and, if it is a union, its variants. */
export function alternatives(node: JsonSchema): JsonSchema[] {
  return [node, ...(node.anyOf ?? []), ...(node.oneOf ?? [])];
}
