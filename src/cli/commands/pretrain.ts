/**
 * `troupe pretrain CONFIG` pretrains the base models of a team file.
 * @module
 */
import { pretrain } from '../../app/pretrain.ts';
import { type DefineCommand, OVERRIDE_HELP } from '../command.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { printPretraining } from '../pretrain-output.ts';

export const definePretrain: DefineCommand = (program, { overrides }) => {
  program
    .command('pretrain')
    .description('pretrain the base models of a team file on demonstrations of its task')
    .argument('<config>', 'team file (YAML) with a section `pretrain`')
    .option('--force', 'pretrain existing models again')
    .addHelpText('after', OVERRIDE_HELP)
    .action(async (config: string, { force = false }: { readonly force?: boolean }) => {
      const interruption = listenForInterrupt('stopping; an unfinished model is not kept');
      const printer = printPretraining();
      try {
        const { signal } = interruption;
        const made = await pretrain({ config, overrides, force, signal, onEvent: printer.onEvent });
        if (made.length === 0)
          process.stdout.write('every model is there already; --force makes them anew\n');
      } finally {
        printer.close();
        interruption.release();
      }
    });
};
