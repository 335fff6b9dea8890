/**
 * `troupe quickstart` pretrains three base models, trains them as a team and prints a summary.
 * @module
 */
import { pretrain } from '../../app/pretrain.ts';
import { freeRunFolder, requireFreeFolder } from '../../app/run-folder-name.ts';
import { packageFile } from '../../support/package-root.ts';
import { type DefineCommand, OVERRIDE_HELP } from '../command.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { printPretraining } from '../pretrain-output.ts';
import { showTraining } from '../training-output.ts';

const RECIPE = packageFile('recipes/quickstart.yaml');

interface QuickstartFlags {
  readonly run?: string;
  readonly json?: boolean;
}

export const defineQuickstart: DefineCommand = (program, { overrides }) => {
  program
    .command('quickstart')
    .description('prepare three small models, train them as a team, print the gain in accuracy')
    .option('--run <dir>', 'run folder to make (default: runs/quickstart-1, -2, ...)')
    .option('--json', 'events as JSON lines on standard output')
    .addHelpText('after', OVERRIDE_HELP)
    .action(async ({ run = freeRunFolder('quickstart'), json = false }: QuickstartFlags) => {
      requireFreeFolder(run);
      const interruption = listenForInterrupt('stopping');
      const printer = printPretraining();
      try {
        const { signal } = interruption;
        await pretrain({ config: RECIPE, overrides, signal, onEvent: printer.onEvent });
      } finally {
        printer.close();
        interruption.release();
      }
      await showTraining({ config: RECIPE, overrides, run }, { json });
    });
};
