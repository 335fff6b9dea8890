/**
 * `troupe swap RUN --agent K --with MODEL` replaces the model of one agent of a trained team.
 * @module
 */
import { Option } from 'commander';
import { swap } from '../../app/swap.ts';
import { SWAP_MODES, type SwapMode } from '../../app/swap-candidate.ts';
import { renderSwap, swapJson } from '../../report/swap-report.ts';
import { positiveInteger } from '../arguments.ts';
import { type DefineCommand, OVERRIDE_HELP } from '../command.ts';
import { showTraining } from '../training-output.ts';
import { withProgress } from '../with-progress.ts';

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

export const defineSwap: DefineCommand = (program, { overrides }) => {
  program
    .command('swap')
    .description('replace the model of one agent in a trained team, after a forecast and a test')
    .argument('<team>', 'run folder (its champion) or checkpoint inside one')
    .requiredOption('--agent <agent>', 'agent whose model is replaced: 0, 1, ... or its name')
    .requiredOption(
      '--with <model>',
      "model folder, GGUF file, another team's agent folder, or hf:OWNER/NAME",
    )
    .addOption(
      new Option(
        '--mode <mode>',
        'mixture: within delta0 of the old model at every token; handover: the same, then SAT stages until the new model replaces the old one; message: a mixture of whole messages, for models of different vocabularies; distil: distil the mixture into the new model first; raw: the new model unchanged',
      )
        .choices(SWAP_MODES)
        .default('mixture'),
    )
    .option('--delta0 <nats>', 'radius: per token, for mode message per message', Number, 0.05)
    .option('--out <dir>', 'run folder to make of the swapped team')
    .option('--dry-run', 'print the forecast and the cost, evaluate and write nothing')
    .option('--handover-stages <count>', 'most SAT stages of a handover', positiveInteger, 20)
    .option('--candidates <count>', 'messages drawn per answer in mode message, even', positiveInteger, 8)
    .option('--distil-steps <count>', 'optimiser steps of mode distil', positiveInteger, 200)
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', OVERRIDE_HELP)
    .action(async (team: string, flags: SwapFlags) => {
      const { with: replacement, handoverStages, json = false, ...settings } = flags;
      const record = await withProgress('stopping; the old team is unchanged', (options) =>
        swap({ team, overrides, replacement, ...settings, ...options }),
      );
      process.stdout.write(json ? swapJson(record) : `${renderSwap(record)}\n`);
      if (record.mode !== 'handover' || record.out === undefined) return;
      const stages = { flag: '--train.stages', path: ['train', 'stages'], value: handoverStages };
      await showTraining({ resume: record.out, overrides: [stages] }, { json });
    });
};
