/**
 * Parses the small text files of a checkpoint. Parser errors become one-line ConfigErrors that name the file.
 * @module
 */
import { ConfigError } from '../../support/errors.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Parses a JSON object.
 *
 * @param where - path of the file, for error messages
 * @throws ConfigError if the text is not JSON, or not an object
 */
export function parseJsonObject(text: string, where: string): JsonObject {
  const value: unknown = parseAs(where, 'JSON', () => parsePythonJson(text.replace(/^\uFEFF/, '')));
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigError(`${where}: expected a JSON object, got ${JSON.stringify(value).slice(0, 40)}`);
  return value as JsonObject;
}

/** String literals, and the numbers of Python's `json` module that JSON does not have. */
const LITERALS = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;

/** Parses JSON in which Python wrote NaN or Infinity; such a number becomes null. */
function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const plain = text.replace(LITERALS, (literal) => (literal.startsWith('"') ? literal : 'null'));
    if (plain === text) throw error;
    return JSON.parse(plain);
  }
}

/**
 * Runs a parser and turns its errors into a ConfigError.
 *
 * @param where - path of the file, for the error message
 * @param what - the expected format, for the error message
 * @throws ConfigError if `parse` throws
 */
export function parseAs<T>(where: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    // parser messages quote the invalid text, which can contain line breaks
    throw new ConfigError(`${where}: expected ${what} (${message.replace(/\s+/g, ' ').trim()})`, { cause });
  }
}
