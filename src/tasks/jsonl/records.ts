/**
 * Reads a JSON-lines file of prompts and answers. Whatever is wrong with it is said with file and line,
 * before anything else happens.
 * @module
 */
import { nearestName } from '../../support/nearest.ts';
import { type JsonLine, lineError, type Place, readJsonLines } from '../shared/json-lines.ts';

/** Which fields of a line hold what. */
export interface RecordFields {
  readonly prompt: string;
  readonly answer: string;
  /** A text that solves the item, for demonstrations; undefined: the answer's text. */
  readonly demonstration: string | undefined;
  /** How hard the item is, for reports; undefined: not said. */
  readonly difficulty?: string | undefined;
  /** The prompt with `{field}` wherever a field's text goes; undefined: the prompt field as it stands. */
  readonly template?: string | undefined;
}

export interface PromptRecord {
  /** 1-based line in its file. */
  readonly line: number;
  /** The prompt field: the problem alone. */
  readonly prompt: string;
  /** What the team is asked, where a template puts words around the problem. */
  readonly asked?: string;
  readonly difficulty?: string;
  /** As written; a number or boolean as JSON writes it. */
  readonly answer: string;
  readonly demonstration: string;
}

/**
 * All records of a file, in order; blank lines are skipped.
 *
 * @throws ConfigError if the file cannot be read, is not UTF-8, has no record, or a line is no JSON
 *   object with these fields
 */
export function readRecords(path: string, fields: RecordFields): PromptRecord[] {
  return readJsonLines(path).map((line) => readRecord(line, fields));
}

/** All objects of a file, whatever their fields. @throws ConfigError as {@link readRecords} */
export function readObjects(path: string): Readonly<Record<string, unknown>>[] {
  return readJsonLines(path).map(({ fields }) => Object.fromEntries(fields));
}

function readRecord({ place, fields: object }: JsonLine, fields: RecordFields): PromptRecord {
  const answer = readField(object, { option: 'answer_field', name: fields.answer }, place);
  const { demonstration, difficulty, template } = fields;
  return {
    line: place.line,
    prompt: readField(object, { option: 'prompt_field', name: fields.prompt }, place),
    answer,
    demonstration:
      demonstration === undefined
        ? answer
        : readField(object, { option: 'demonstration_field', name: demonstration }, place),
    ...(difficulty === undefined
      ? {}
      : { difficulty: readField(object, { option: 'difficulty_field', name: difficulty }, place) }),
    ...(template === undefined ? {} : { asked: fillTemplate(template, object, place) }),
  };
}

/** `{name}` is the field of that name; `{{` and `}}` around a word keep the braces. */
function fillTemplate(template: string, object: ReadonlyMap<string, unknown>, place: Place): string {
  return template.replaceAll(/\{\{(\w+)\}\}|\{(\w+)\}/g, (_, kept: string | undefined, name: string) =>
    kept === undefined ? readField(object, { option: 'prompt_template', name }, place) : `{${kept}}`,
  );
}

function readField(
  object: ReadonlyMap<string, unknown>,
  { option, name }: { readonly option: string; readonly name: string },
  place: Place,
): string {
  const value = object.get(name);
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  if (typeof text === 'string' && text.trim() !== '') return text;
  if (object.has(name)) {
    const shown = JSON.stringify(value).slice(0, 40);
    throw lineError(
      place,
      `expected field "${name}" to be a text that is not empty, got ${shown}; fix or delete the line`,
    );
  }
  const others = [...object.keys()];
  const nearest = nearestName(name, others);
  const help = nearest === undefined ? `one of ${others.join(', ')}` : `"${nearest}"`;
  throw lineError(place, `expected a field "${name}", got none; set ${option} to ${help}`);
}
