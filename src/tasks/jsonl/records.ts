/**
 * Reads a JSON-lines file of prompts and answers. Errors contain the file and the line.
 * @module
 */
import { ConfigError } from '../../support/errors.ts';
import { nearestName } from '../../support/nearest.ts';
import { type JsonLine, lineError, readJsonLines, type SourceLine } from '../shared/json-lines.ts';

/** Name of the prompt field if the team file names none. */
export const DEFAULT_PROMPT = 'prompt';

/** Names of the fields of a record. */
export interface RecordFields {
  /**
   * Field with the problem alone. If it is {@link DEFAULT_PROMPT}, the file does not have it, and there is a template, the
   * problem is the text of the template's fields.
   */
  readonly prompt: string;
  readonly answer: string;
  /** Field with a text that solves the problem, for demonstrations; undefined: the answer is used. */
  readonly demonstration: string | undefined;
  /** Field with the difficulty, for reports; undefined: problems have no difficulty. */
  readonly difficulty?: string | undefined;
  /**
   * Template of the prompt, in which `{field}` is replaced by the text of a field; undefined: the prompt is
   * the prompt field alone.
   */
  readonly template?: string | undefined;
}

export interface PromptRecord {
  /** Line number of the record in its file, from 1. */
  readonly line: number;
  /** Text of the prompt field: the problem alone. */
  readonly prompt: string;
  /** The prompt made from the template. Absent if there is no template. */
  readonly templated?: string;
  readonly difficulty?: string;
  /** Text of the answer field. A number or boolean is written as JSON. */
  readonly answer: string;
  readonly demonstration: string;
}

/**
 * Reads all records of a file in order; blank lines are skipped.
 *
 * @throws ConfigError if the file cannot be read, is not UTF-8 or has no record, or if a line is not a JSON object with
 *   these fields
 */
export function readRecords(path: string, fields: RecordFields): PromptRecord[] {
  const lines = readJsonLines(path);
  const expected = lines[0]?.fields ?? new Map();
  if (fields.template !== undefined) requireField(fields.template, expected, path);
  return lines.map((line) => readRecord(line, fields, expected));
}

/** Reads all objects of a file without requirements on their fields. @throws ConfigError like {@link readRecords} */
export function readObjects(path: string): Readonly<Record<string, unknown>>[] {
  return readJsonLines(path).map(({ fields }) => Object.fromEntries(fields));
}

/** @param expected - fields of the first record */
function readRecord(
  { source, fields: object }: JsonLine,
  fields: RecordFields,
  expected: ReadonlyMap<string, unknown>,
): PromptRecord {
  const readField = (option: string, name: string): string =>
    fieldText(object, { option, name, isCommon: expected.has(name) }, source);
  const answer = readField('answer_field', fields.answer);
  const { demonstration, difficulty, template } = fields;
  const named = template === undefined ? [] : templateFields(template, expected);
  const isTemplateAlone =
    named.length > 0 && fields.prompt === DEFAULT_PROMPT && !expected.has(fields.prompt);
  return {
    line: source.line,
    prompt: isTemplateAlone
      ? named.map((name) => readField('prompt_template', name)).join('\n')
      : readField('prompt_field', fields.prompt),
    answer,
    demonstration: demonstration === undefined ? answer : readField('demonstration_field', demonstration),
    ...(difficulty === undefined ? {} : { difficulty: readField('difficulty_field', difficulty) }),
    ...(template === undefined
      ? {}
      : { templated: fillTemplate(template, expected, (name) => readField('prompt_template', name)) }),
  };
}

/** Matches `{name}`, a field, and `{{name}}`, literal braces. */
const PLACEHOLDER = /\{\{([^{}]+)\}\}|\{([^{}]+)\}/g;

/** Whether a text in braces is a field: a word, or the name of a field of the first record. Other braces are literal. */
function isFieldName(name: string, expected: ReadonlyMap<string, unknown>): boolean {
  return /^\w+$/.test(name) || expected.has(name);
}

/** Returns the names of a template's fields, in order. */
function templateFields(template: string, expected: ReadonlyMap<string, unknown>): string[] {
  const names = [...template.matchAll(PLACEHOLDER)].flatMap(([, , name]) =>
    name !== undefined && isFieldName(name, expected) ? [name] : [],
  );
  return [...new Set(names)];
}

/** @throws ConfigError if a template has no field, so that all prompts would be the same, or one that is misspelt */
function requireField(template: string, expected: ReadonlyMap<string, unknown>, path: string): void {
  for (const [, , name] of template.matchAll(PLACEHOLDER)) {
    const near =
      name === undefined || isFieldName(name, expected)
        ? undefined
        : nearestName(name.trim(), [...expected.keys()]);
    if (near !== undefined)
      throw new ConfigError(
        `${path}: expected a field in the braces {${name}} of prompt_template, got none of this name; write {${near}}, or {{${name}}} for literal braces`,
      );
  }
  if (templateFields(template, expected).length > 0) return;
  throw new ConfigError(
    `${path}: expected a field in braces in prompt_template, e.g. {${[...expected.keys()][0] ?? 'prompt'}}, got ${JSON.stringify(template.slice(0, 40))}`,
  );
}

/** Replaces `{name}` by the text of the field `name`, and `{{name}}` by `{name}`. */
function fillTemplate(
  template: string,
  expected: ReadonlyMap<string, unknown>,
  readField: (name: string) => string,
): string {
  return template.replaceAll(
    PLACEHOLDER,
    (all: string, literal: string | undefined, name: string | undefined) => {
      const text = literal ?? name ?? '';
      if (!isFieldName(text, expected)) return all;
      return literal === undefined ? readField(text) : `{${literal}}`;
    },
  );
}

function fieldText(
  object: ReadonlyMap<string, unknown>,
  {
    option,
    name,
    isCommon,
  }: {
    readonly option: string;
    readonly name: string;
    /** Whether the first record has the field, so that this record lacks it by mistake. */
    readonly isCommon: boolean;
  },
  source: SourceLine,
): string {
  const value = object.get(name);
  const text =
    typeof value === 'number' ? decimal(value) : typeof value === 'boolean' ? String(value) : value;
  if (typeof text === 'string' && text.trim() !== '') return text;
  if (object.has(name)) {
    const shown = JSON.stringify(value).slice(0, 40);
    throw lineError(
      source,
      `expected field "${name}" to be a text that is not empty, got ${shown}; fix or delete the line`,
    );
  }
  if (isCommon) throw lineError(source, `expected a field "${name}", got none; add it or delete the line`);
  const others = [...object.keys()];
  const nearest = nearestName(name, others);
  if (option === 'prompt_template') {
    const choice = nearest === undefined ? `one of ${others.join(', ')}` : `{${nearest}}`;
    throw lineError(source, `expected a field "${name}", got none; write ${choice} in prompt_template`);
  }
  const help = nearest === undefined ? `one of ${others.join(', ')}` : `"${nearest}"`;
  throw lineError(source, `expected a field "${name}", got none; set ${option} to ${help}`);
}

/** Writes a number without an exponent, which verifiers of numbers would read as a number of its own. */
function decimal(value: number): string {
  const text = String(value);
  const [, sign = '', whole = '', fraction = '', exponent = ''] =
    /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text) ?? [];
  if (exponent === '') return text;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, '0')}`;
}
