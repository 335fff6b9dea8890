/**
 * Parses and validates the JSON body of a request. An error names the invalid field.
 * @module
 */
import type { z } from 'zod';
import { show } from '../../schema/fields.ts';
import { nearestName } from '../../support/nearest.ts';
import { renamedField } from '../../support/renamed-names.ts';
import { type ApiError, invalid } from './errors.ts';
import { UNSUPPORTED } from './shared-fields.ts';

/**
 * @param text - the request body. A field whose value is null counts as absent, including the fields of
 *   messages.
 * @throws ApiError (400) that names the invalid field
 */
export function parseRequest<S extends z.ZodObject>(text: string, schema: S): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(undefined, 'the body could not be parsed: expected a JSON object', 'invalid_json');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(undefined, `expected a JSON object as body, got ${show(value)}`, 'invalid_json');
  const fields = Object.fromEntries(
    Object.entries(withoutNulls(value) as object).map(([name, field]: [string, unknown]) => [
      name,
      Array.isArray(field) ? field.map(withoutNulls) : withoutNulls(field),
    ]),
  );
  limitParts(fields);
  const parsed = schema.safeParse(fields, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw issueError(parsed.error.issues[0] as z.core.$ZodIssue, Object.keys(schema.shape));
}

/** Maximum number of objects and lists inside one field. A long conversation has hundreds. */
const MAX_PARTS = 10_000;

/**
 * Refuses fields that contain too many objects and lists, because validating them would block the server for
 * seconds.
 */
function limitParts(fields: Readonly<Record<string, unknown>>): void {
  for (const [name, field] of Object.entries(fields)) {
    const param = paramOf([name]);
    const stack: unknown[] = [field];
    for (let parts = 0; stack.length > 0; ) {
      const value = stack.pop();
      if (typeof value !== 'object' || value === null) continue;
      if (++parts > MAX_PARTS)
        throw invalid(param, `${param}: expected at most ${MAX_PARTS} objects and lists, got more`);
      for (const part of Object.values(value)) if (typeof part === 'object') stack.push(part);
    }
  }
}

/**
 * Removes fields whose value is null. Clients send the messages of earlier responses back with all their
 * fields, most of which are null.
 */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
}

function issueError(issue: z.core.$ZodIssue, fields: readonly string[]): ApiError {
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] as string;
    const param = paramOf([...issue.path, key]);
    if (issue.path.length === 0 && UNSUPPORTED.includes(key))
      return invalid(
        param,
        `unsupported parameter: '${param}' is not supported by this server`,
        'unsupported_parameter',
      );
    const renamed = renamedField(param);
    if (renamed !== undefined)
      return invalid(param, `unknown parameter: '${param}'; it is now '${renamed}'`, 'unknown_parameter');
    const near = issue.path.length === 0 ? nearestName(key, fields) : undefined;
    const help = near === undefined ? '' : `; did you mean '${near}'?`;
    return invalid(param, `unknown parameter: '${param}'${help}`, 'unknown_parameter');
  }
  const param = paramOf(issue.path);
  if (issue.code === 'invalid_type' && issue.input === undefined)
    return invalid(param, `missing required parameter: '${param}'`, 'missing_required_parameter');
  const isUnsupported = / not supported|nothing is stored/.test(issue.message);
  const message = issue.message.startsWith('expected ') ? issue.message : `expected ${issue.message}`;
  return invalid(
    param,
    `${param}: ${message}${/, got | not supported|nothing is stored/.test(message) ? '' : `, got ${show(issue.input)}`}`,
    isUnsupported ? 'unsupported_value' : issue.code === 'invalid_type' ? 'invalid_type' : 'invalid_value',
  );
}

/** Maximum length of a field name in responses and logs; longer names are truncated. */
const MAX_NAME_LENGTH = 60;

/** Formats a path in the notation of the OpenAI API: `['messages', 0, 'role']` becomes `messages[0].role`. */
function paramOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const name = String(step);
    const short = name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}...` : name;
    return text === '' ? short : `${text}.${short}`;
  }, '');
}
