/**
 * Reading the small text files of a checkpoint: what a parser cannot read is the file's fault and becomes
 * one line that names it.
 * @module
 */
import { ConfigError } from '../../support/errors.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** @throws ConfigError if the text is not JSON, or not an object */
export function parseJsonObject(text: string, where: string): JsonObject {
  const value: unknown = parseAs(where, 'JSON', () => JSON.parse(text));
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigError(`${where}: expected a JSON object, got ${JSON.stringify(value).slice(0, 40)}`);
  return value as JsonObject;
}

/**
 * Runs a parser.
 *
 * @param what - it reads, for the message
 * @throws ConfigError in place of whatever it throws
 */
export function parseAs<T>(where: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    // parsers quote the text they stumble over, line breaks included
    throw new ConfigError(`${where}: expected ${what} (${message.replace(/\s+/g, ' ').trim()})`, { cause });
  }
}
