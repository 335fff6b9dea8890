/**
 * `troupe plan CONFIG`: what a run will take, before it runs.
 * @module
 */
import { InvalidArgumentError } from 'commander';
import { planRun } from '../../app/plan.ts';
import { resolveConfig } from '../../config/resolve.ts';
import { ConfigError } from '../../support/errors.ts';
import { type DefineVerb, OVERRIDE_HELP } from '../command.ts';

interface PlanFlags {
  readonly machine?: string;
  readonly saveMachine?: string;
  readonly gpu?: string;
  readonly shapes?: string;
  readonly promptTokens?: number;
  readonly messageTokens?: number;
  readonly computeShare?: number;
  readonly bandwidthShare?: number;
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
    .option('--gpu <card>', 'a graphics card instead: rtx4090, l40s, a100, h100, h200, from its data sheet')
    .option('--shapes <folder>', 'with --gpu: folder with NAME/config.json of models that are not here')
    .option('--prompt-tokens <n>', 'with --gpu: mean length of a prompt', positive)
    .option('--message-tokens <n>', 'with --gpu: mean length of a message', positive)
    .option('--compute-share <share>', "with --gpu: share of the card's peak that training reaches", positive)
    .option('--bandwidth-share <share>', 'with --gpu: share of its bandwidth that sampling reaches', positive)
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', OVERRIDE_HELP)
    .action(async (config: string, { gpu, machine, saveMachine, json, ...assumptions }: PlanFlags) => {
      const [given] = Object.keys(assumptions);
      if (gpu === undefined && given !== undefined)
        throw new ConfigError(`plan: expected --gpu with what is assumed of one (${given}), got none`);
      if (gpu !== undefined && machine !== undefined)
        throw new ConfigError(`plan: expected one of --gpu and --machine, got both`);
      const request = {
        ...(machine === undefined ? {} : { machine }),
        ...(saveMachine === undefined ? {} : { saveMachine }),
        ...(json === undefined ? {} : { json }),
        ...(gpu === undefined ? {} : { gpu: { gpu, ...assumptions } }),
      };
      process.stdout.write(await planRun(resolveConfig(config, overrides), request));
    });
};

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('expected a number > 0');
  return value;
}
