/**
 * What every verb gets besides its own words on the command line.
 * @module
 */
import type { Command } from 'commander';
import type { Override } from '../config/overrides.ts';

export interface VerbContext {
  /** Configuration flags of this command line, `--train.stages 5` and the like. */
  readonly overrides: readonly Override[];
}

/** Adds a verb to the program. */
export type DefineVerb = (program: Command, context: VerbContext) => void;

/** Said in the help of every verb that reads a team file. */
export const OVERRIDE_HELP = `
Any field of the team file can be set here: --train.stages 5, --seed 3, --set gate.kind=off
(docs/config.md lists them all).`;
