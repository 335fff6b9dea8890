/**
 * `troupe plan CONFIG`: what a run will take, before it runs.
 * @module
 */
import { resolveConfig } from '../config/resolve.ts';
import { planRun } from './planning.ts';
import { type DefineVerb, OVERRIDE_HELP } from './verb.ts';

interface PlanFlags {
  readonly machine?: string;
  readonly saveMachine?: string;
  readonly json?: boolean;
}

export const definePlan: DefineVerb = (program, { overrides }) => {
  program
    .command('plan')
    .description('memory, arithmetic, tokens and hours of a run, before anything runs')
    .argument('<config>', 'team file (YAML)')
    .option(
      '--machine <file>',
      'rates of a machine that were saved before (default: a short calibration here)',
    )
    .option('--save-machine <file>', 'keep the rates that the calibration measured')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', OVERRIDE_HELP)
    .action(async (config: string, flags: PlanFlags) => {
      process.stdout.write(await planRun(resolveConfig(config, overrides), flags));
    });
};
