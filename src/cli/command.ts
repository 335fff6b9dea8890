/**
 * Types that all commands share, and the part of their help that is equal.
 * @module
 */
import type { Command } from 'commander';
import type { Override } from '../config/overrides.ts';

export interface CommandContext {
  /** Configuration flags of the command line, such as `--train.stages 5`, as overrides of the team file. */
  readonly overrides: readonly Override[];
}

/** Defines a command: adds it to commander's program. */
export type DefineCommand = (program: Command, context: CommandContext) => void;

/** Text at the end of the help of every command that reads a team file. */
export const OVERRIDE_HELP = `
Any field of the team file can be set here: --train.stages 5, --seed 3, --set gate.kind=off
(docs/config.md lists them all).`;
