/**
 * Maps a thrown error to an exit code and a message with one line per problem. Exit codes: 0 success, 1
 * failure, 2 invalid usage or configuration, 70 defect of troupe, 74 error of a run folder, 75 retryable
 * error, 130 interrupted.
 * @module
 */
import { CommanderError } from 'commander';
import { DomainError } from '../core/errors.ts';
import { ConfigError, TroupeError } from '../support/errors.ts';

export interface ExitReport {
  readonly exitCode: number;
  /** Message for the user; empty if commander has already printed one. */
  readonly message: string;
}

/** @param debug - whether the message includes the stack traces of the error and its causes */
export function exitReport(error: unknown, { debug }: { readonly debug: boolean }): ExitReport {
  const { exitCode, message } = reportOf(error);
  return { exitCode, message: debug && error instanceof Error ? `${message}\n${stacks(error)}` : message };
}

function reportOf(error: unknown): ExitReport {
  // commander also throws after --help and --version, and prints its own messages
  if (error instanceof CommanderError) return { exitCode: error.exitCode === 0 ? 0 : 2, message: '' };
  if (error instanceof ConfigError) return { exitCode: error.exitCode, message: error.message };
  if (error instanceof TroupeError) return { exitCode: error.exitCode, message: oneLine(error.message) };
  if (error instanceof DomainError)
    return {
      exitCode: 70,
      message: `${oneLine(error.message)}; this is a defect of troupe, --debug shows where`,
    };
  if (error instanceof Error && error.name === 'AbortError') return { exitCode: 130, message: 'interrupted' };
  const message = error instanceof Error ? error.message : String(error);
  return { exitCode: 1, message: `${oneLine(message)}; --debug shows where` };
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ');
}

function stacks(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stacks(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
