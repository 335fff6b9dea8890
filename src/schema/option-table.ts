/**
 * Writes Markdown tables of options: one row per field of a schema, with its values, its default and its
 * description.
 * @module
 */
import type { z } from 'zod';
import { type JsonSchema, jsonSchemaOf } from './json-schema.ts';

/** Writes the table of all options of a schema. @param schema - a strict object */
export function optionTable(schema: z.ZodType): string {
  const { properties = {}, required } = jsonSchemaOf(schema);
  return fieldTable(Object.entries(properties), { required, label: 'option' });
}

/**
 * Writes a table of fields.
 *
 * @param fields - names and JSON schemas, in the order of the rows
 * @param required - names of fields without a default that a user must set
 * @param label - heading of the first column
 */
export function fieldTable(
  fields: readonly (readonly [name: string, JsonSchema])[],
  {
    required = [],
    label = 'field',
  }: { readonly required?: readonly string[] | undefined; readonly label?: string } = {},
): string {
  const rows = fields.map(([name, node]) => {
    const fallback =
      node.default !== undefined ? `\`${JSON.stringify(node.default).replaceAll('"', '')}\`` : '';
    const must = node.default === undefined && required.includes(name) ? '*required*' : fallback;
    return `| \`${name}\` | ${cell(valueText(node))} | ${must} | ${cell(node.description ?? '')} |`;
  });
  return [`| ${label} | value | default | meaning |`, '|---|---|---|---|', ...rows, ''].join('\n');
}

/** Describes the values that a field accepts in a few words. */
function valueText(node: JsonSchema): string {
  if (node.const !== undefined) return `\`${String(node.const)}\``;
  if (node.enum !== undefined) return node.enum.map((word) => `\`${String(word)}\``).join(', ');
  const variants = node.anyOf ?? node.oneOf;
  if (variants !== undefined) return variants.map(valueText).join(' or ');
  if (node.type === 'array') {
    const keys = Object.keys(node.items?.properties ?? {});
    return keys.length > 0 ? `list of {${keys.join(', ')}}` : 'list';
  }
  const bounds = [
    ...(node.minimum === undefined ? [] : [`>= ${node.minimum}`]),
    ...(node.exclusiveMinimum === undefined ? [] : [`> ${node.exclusiveMinimum}`]),
    ...(node.maximum === undefined ? [] : [`<= ${node.maximum}`]),
    ...(node.exclusiveMaximum === undefined ? [] : [`< ${node.exclusiveMaximum}`]),
  ];
  const word =
    node.type === 'boolean' ? 'true or false' : node.type === 'string' ? 'text' : (node.type ?? 'anything');
  return [word, bounds.join(', ')].filter((part) => part !== '').join(' ');
}

/** Escapes `|` in the text of a table cell, because it would end the cell. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
