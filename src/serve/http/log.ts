/**
 * The server's log: one JSON line per request. The log contains prompts and answers only if the operator
 * enabled it, and never API keys.
 * @module
 */
import { pino } from 'pino';

/** Logger of the server. A pino logger implements this interface. */
export interface ServerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const LOG_LEVELS = ['info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * @param level - lowest level of messages that are written
 * @param destination - a file descriptor, or an object whose `write` receives the lines
 */
export function createJsonLog(
  level: LogLevel,
  destination: number | { write(line: string): void },
): ServerLog {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: ['authorization', 'headers.authorization', 'key'],
    },
    typeof destination === 'number' ? pino.destination({ dest: destination, sync: true }) : destination,
  );
}

const ignore = (): void => {};

export const SILENT_LOG: ServerLog = { info: ignore, warn: ignore, error: ignore };
