/**
 * Parsers of numbers and names of splits on the command line. Commander prints the message of an
 * InvalidArgumentError in one line.
 * @module
 */
import { InvalidArgumentError } from 'commander';
import { renamedSplitHint } from '../support/renamed-names.ts';
import { SPLITS } from '../task/split.ts';
import type { Split } from '../task/task.ts';

/** Default port of the dashboard. */
export const DEFAULT_DASHBOARD_PORT = 4600;

/** Parses an integer >= 0. @throws InvalidArgumentError for other text */
export function naturalNumber(text: string): number {
  return integer(text, 0);
}

/** Parses an integer >= 1. @throws InvalidArgumentError for other text */
export function positiveInteger(text: string): number {
  return integer(text, 1);
}

/** Parses a port; 0 means any free port. @throws InvalidArgumentError for other text */
export function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('expected a port from 0 to 65535');
  return port;
}

/** Parses a number > 0. @throws InvalidArgumentError for other text */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('expected a number > 0');
  return value;
}

/** Parses the name of a split of a task. @throws InvalidArgumentError for other names */
export function splitName(text: string): Split {
  const split = SPLITS.find((name) => name === text);
  if (split === undefined)
    throw new InvalidArgumentError(`expected one of ${SPLITS.join(', ')}${renamedSplitHint(text)}`);
  return split;
}

function integer(text: string, least: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least)
    throw new InvalidArgumentError(`expected an integer >= ${least}`);
  return value;
}
