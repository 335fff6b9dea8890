/**
 * What every command receives besides its own flags.
 * @module
 */
import type { Command } from 'commander';
import type { Override } from '../config/overrides.ts';

export interface CommandContext {
  /** Configuration flags of the command line, such as `--train.stages 5`. */
  readonly overrides: readonly Override[];
}

/** Adds a command to the program. */
export type DefineCommand = (program: Command, context: CommandContext) => void;

/** End of the help of every command that reads a team file. */
export const OVERRIDE_HELP = `
Any field of the team file can be set here: --train.stages 5, --seed 3, --set gate.kind=off
(docs/config.md lists them all).`;
