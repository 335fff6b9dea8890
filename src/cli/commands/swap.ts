/**
 * `troupe swap RUN --agent K --with MODEL`: another model in one seat of a trained team.
 * @module
 */
import { Option } from 'commander';
import { swap } from '../../app/swap.ts';
import { SWAP_MODES, type SwapMode } from '../../app/swap-request.ts';
import { positiveInteger } from '../arguments.ts';
import { type DefineVerb, OVERRIDE_HELP } from '../command.ts';

interface SwapFlags {
  readonly agent: string;
  readonly with: string;
  readonly mode: SwapMode;
  readonly delta0: number;
  readonly candidates: number;
  readonly distilSteps: number;
  readonly handoverStages: number;
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const defineSwap: DefineVerb = (program, { overrides }) => {
  program
    .command('swap')
    .description('put another model into one seat of a trained team, and say first whether it helps')
    .argument('<team>', 'run folder (its champion) or checkpoint inside one')
    .requiredOption('--agent <agent>', 'seat to fill: 0, 1, ... or the name of the agent')
    .requiredOption('--with <model>', "model folder, another team's agent folder, or hf:OWNER/NAME")
    .addOption(
      new Option(
        '--mode <mode>',
        'mixture: within delta0 of the old model at every token; handover: the same, then SAT stages until the new one stands alone; message: a mixture of whole messages, for models of different vocabularies; distil: teach the new model first; raw: as it is',
      )
        .choices(SWAP_MODES)
        .default('mixture'),
    )
    .option('--delta0 <nats>', 'radius: per token, for mode message per message', Number, 0.05)
    .option('--out <dir>', 'run folder to make of the swapped team')
    .option('--dry-run', 'say what would happen, what it costs and what is expected, and write nothing')
    .option('--handover-stages <count>', 'most SAT stages of a handover', positiveInteger, 20)
    .option('--candidates <count>', 'messages drawn per answer in mode message, even', positiveInteger, 8)
    .option('--distil-steps <count>', 'optimiser steps of mode distil', positiveInteger, 200)
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', OVERRIDE_HELP)
    .action(async (team: string, flags: SwapFlags) => {
      await swap({ team, overrides, ...flags, replacement: flags.with });
    });
};
