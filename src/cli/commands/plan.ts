/**
 * `troupe plan CONFIG` estimates time, tokens and memory of a run before it starts.
 * @module
 */
import { plan } from '../../app/plan.ts';
import { renderPlan } from '../../report/plan-report.ts';
import { ConfigError } from '../../support/errors.ts';
import { positiveNumber } from '../arguments.ts';
import { type DefineCommand, OVERRIDE_HELP } from '../command.ts';
import { withProgress } from '../with-progress.ts';

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

export const definePlan: DefineCommand = (program, { overrides }) => {
  program
    .command('plan')
    .description('estimate memory, arithmetic, tokens and hours of a run before it starts')
    .argument('<config>', 'team file (YAML)')
    .option(
      '--machine <file>',
      'rates of a machine that were saved before (default: a measurement here, at most half a minute)',
    )
    .option('--save-machine <file>', 'keep the rates that were measured')
    .option('--gpu <card>', 'a graphics card instead: rtx4090, l40s, a100, h100, h200, from its data sheet')
    .option('--shapes <folder>', 'with --gpu: folder with NAME/config.json of models that are not here')
    .option('--prompt-tokens <n>', 'with --gpu: mean length of a prompt', positiveNumber)
    .option('--message-tokens <n>', 'with --gpu: mean length of a message', positiveNumber)
    .option(
      '--compute-share <share>',
      "with --gpu: share of the card's peak that training reaches",
      positiveNumber,
    )
    .option(
      '--bandwidth-share <share>',
      'with --gpu: share of its bandwidth that sampling reaches',
      positiveNumber,
    )
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', OVERRIDE_HELP)
    .action(async (config: string, { gpu, machine, saveMachine, json, ...assumptions }: PlanFlags) => {
      const [given] = Object.keys(assumptions);
      if (gpu === undefined && given !== undefined)
        throw new ConfigError(`plan: expected --gpu with what is assumed of one (${given}), got none`);
      if (gpu !== undefined && machine !== undefined)
        throw new ConfigError(`plan: expected one of --gpu and --machine, got both`);
      const result = await withProgress('stopping', (options) =>
        plan({
          ...{ config, overrides, machine, saveMachine },
          gpu: gpu === undefined ? undefined : { gpu, ...assumptions },
          ...options,
        }),
      );
      const { plan: planned, workload, machine: rates } = result;
      process.stdout.write(
        json ? `${JSON.stringify({ plan: planned, workload, machine: rates })}\n` : renderPlan(result),
      );
    });
};
