/**
 * `troupe quickstart`: base models, a trained team of three and its summary, in one command.
 * @module
 */
import { compose } from '../../app/compose.ts';
import { listenForInterrupt } from '../../app/interrupt.ts';
import { prepareModels } from '../../app/pretrain.ts';
import { freeRunFolder } from '../../app/run-folder-name.ts';
import { train } from '../../app/train.ts';
import { resolveConfig } from '../../config/resolve.ts';
import { assertFree } from '../../store/run-folder.ts';
import { packageFile } from '../../support/package-root.ts';
import { type DefineVerb, OVERRIDE_HELP } from '../command.ts';

const RECIPE = packageFile('recipes/quickstart.yaml');

interface QuickstartFlags {
  readonly run?: string;
  readonly json?: boolean;
}

export const defineQuickstart: DefineVerb = (program, { overrides }) => {
  program
    .command('quickstart')
    .description('prepare three small models, train them as a team, show what it was worth')
    .option('--run <dir>', 'run folder to make (default: runs/quickstart-1, -2, ...)')
    .option('--json', 'events as JSON lines on standard output')
    .addHelpText('after', OVERRIDE_HELP)
    .action(async ({ run = freeRunFolder('quickstart'), json = false }: QuickstartFlags) => {
      const resolved = resolveConfig(RECIPE, overrides);
      assertFree(run);
      const composition = await compose(resolved);
      const interruption = listenForInterrupt('stopping');
      try {
        await prepareModels(composition, { signal: interruption.signal, force: false });
      } finally {
        interruption.release();
        await composition.engine.close();
      }
      await train({ resolved, run, resume: false, json });
    });
};
