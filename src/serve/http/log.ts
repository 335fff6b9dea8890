/**
 * The server's log: one JSON line per request on standard error. Prompts and answers are in it only where
 * the operator asked for them; keys never.
 * @module
 */
import { type Logger, pino } from 'pino';

export type ServerLog = Pick<Logger, 'info' | 'warn' | 'error'>;

export const LOG_LEVELS = ['info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export function createLog(level: LogLevel): ServerLog {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: ['authorization', 'headers.authorization', 'key'],
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
