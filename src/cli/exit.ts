/**
 * From whatever was thrown to one line per problem and an exit code: 0 done, 1 failed, 2 usage or
 * configuration, 70 a defect of troupe, 74 run folder, 75 worth trying again, 130 interrupted.
 * @module
 */
import { CommanderError } from 'commander';
import { DomainError } from '../core/errors.ts';
import { ConfigError, TroupeError } from '../support/errors.ts';

export interface Ending {
  readonly exitCode: number;
  /** What to tell the user; empty when everything was said already. */
  readonly message: string;
}

/** @param debug - whether to show where it was thrown, and what caused it */
export function endingOf(error: unknown, { debug }: { readonly debug: boolean }): Ending {
  const { exitCode, message } = plainEnding(error);
  return { exitCode, message: debug && error instanceof Error ? `${message}\n${stacks(error)}` : message };
}

function plainEnding(error: unknown): Ending {
  // commander prints its own words; asking for help or the version is no failure
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
