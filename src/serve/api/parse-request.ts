/**
 * From a request's JSON text to a checked request, or to an error that names the field.
 * @module
 */
import type { z } from 'zod';
import { show } from '../../config/fields.ts';
import { nearestName } from '../../support/nearest.ts';
import { type ApiError, invalid } from './errors.ts';
import { UNSUPPORTED } from './request-fields.ts';

/**
 * @param text - body as it came
 * @throws ApiError (400) naming what is wrong; a field that is null counts as not given
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
  const given = Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
  const parsed = schema.safeParse(given, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw issueError(parsed.error.issues[0] as z.core.$ZodIssue, Object.keys(schema.shape));
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

/** `['messages', 0, 'role']` as clients write it: `messages[0].role`. */
function paramOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? String(step) : `${text}.${String(step)}`;
  }, '');
}
