/**
 * `troupe pretrain CONFIG`: makes the base models a team file names.
 * @module
 */

import { compose } from '../../app/compose.ts';
import { listenForInterrupt } from '../../app/interrupt.ts';
import { prepareModels } from '../../app/pretrain.ts';
import { resolveConfig } from '../../config/resolve.ts';
import { type DefineVerb, OVERRIDE_HELP } from '../command.ts';

export const definePretrain: DefineVerb = (program, { overrides }) => {
  program
    .command('pretrain')
    .description("train the base models a team file names, on its task's demonstrations")
    .argument('<config>', 'team file (YAML); its section `pretrain` says how')
    .option('--force', 'make models anew that are there already')
    .addHelpText('after', OVERRIDE_HELP)
    .action(async (config: string, { force = false }: { readonly force?: boolean }) => {
      const composition = await compose(resolveConfig(config, overrides));
      const interruption = listenForInterrupt('stopping; an unfinished model is not kept');
      try {
        const made = await prepareModels(composition, { signal: interruption.signal, force });
        if (made.length === 0)
          process.stdout.write('every model is there already; --force makes them anew\n');
      } finally {
        interruption.release();
        await composition.engine.close();
      }
    });
};
