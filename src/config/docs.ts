/**
 * `docs/config.md`, generated from the schema so that it cannot disagree with it.
 * @module
 */
import { ALGORITHMS, type Algorithm } from './algorithms.ts';
import { alternatives, configJsonSchema, type JsonSchema } from './key-tree.ts';

const HEAD = `# Team files

A team file is YAML. Every field below has a default unless it says *required*; the resolved file with
every default written out is kept as \`config.yaml\` in the run folder. Any field can be set on the command
line instead: \`--train.stages 5\`, \`--train.stages=5\` and \`--set train.stages=5\` are the same. Editors that
know YAML schemas complete and check team files with this first line:

\`\`\`yaml
# yaml-language-server: $schema=../docs/schema.json
\`\`\`

E-numbers name equations of Sequential Agent Tuning as this repository counts them. This page is generated
by \`node --import ./scripts/typescript.mjs scripts/config-docs.ts\`.
`;

/** The page as Markdown. */
export function configMarkdown(schema: JsonSchema = configJsonSchema()): string {
  const fields = Object.entries(schema.properties ?? {});
  const isSection = ([, node]: readonly [string, JsonSchema]): boolean =>
    alternatives(node).some((one) => one.properties !== undefined);
  const plain = fields.filter((field) => !isSection(field));
  const sections = fields.filter(isSection);
  return [
    HEAD,
    '## Top level\n',
    table(plain, schema.required),
    ALGORITHM_HEAD,
    ...Object.entries(ALGORITHMS).map(algorithmText),
    ...sections.flatMap(([name, node]) => [
      `## ${name}\n`,
      `${node.description ?? ''}\n`,
      sectionTable(node),
    ]),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}

const ALGORITHM_HEAD = `## Algorithms

\`algorithm\` names a table of settings. They take the place of the defaults below; whatever the file or a flag
sets itself stays as it is. All algorithms run in the same loop and write the same events and metrics. P, C
and G numbers are findings of the algorithm's specification about the paper, its code and golden examples.
`;

function algorithmText([name, { about, settings }]: readonly [string, Algorithm]): string {
  const rows = settings.map(([path, value, why]) => `| \`${path}: ${value}\` | ${cell(why)} |`);
  const body = rows.length === 0 ? [] : ['| setting | why |', '|---|---|', ...rows, ''];
  return [`### ${name}\n`, `${about}\n`, ...body].join('\n');
}

/** The JSON schema as a file for editors. */
export function configSchemaFile(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
}

function sectionTable(node: JsonSchema): string {
  const variants = alternatives(node).filter((one) => one.properties !== undefined);
  if (variants.length === 1)
    return table(Object.entries(variants[0]?.properties ?? {}), variants[0]?.required);
  // one row per kind, then the fields that only some kinds have
  const rows = variants.flatMap((variant) => Object.entries(variant.properties ?? {}));
  return table(rows, []);
}

function table(fields: readonly (readonly [string, JsonSchema])[], required: readonly string[] = []): string {
  const rows = fields.map(([name, node]) => {
    const fallback = node.default !== undefined ? `\`${JSON.stringify(node.default)}\`` : '';
    const must = node.default === undefined && required.includes(name) ? '*required*' : fallback;
    return `| \`${name}\` | ${cell(kindOf(node))} | ${must.replaceAll('"', '')} | ${cell(node.description ?? '')} |`;
  });
  return ['| field | value | default | meaning |', '|---|---|---|---|', ...rows, ''].join('\n');
}

/** What a field can be, in a few words. */
function kindOf(node: JsonSchema): string {
  if (node.const !== undefined) return `\`${String(node.const)}\``;
  if (node.enum !== undefined) return node.enum.map((word) => `\`${String(word)}\``).join(', ');
  const variants = node.anyOf ?? node.oneOf;
  if (variants !== undefined) return variants.map(kindOf).join(' or ');
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

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
