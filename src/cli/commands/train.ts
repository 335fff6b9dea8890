/**
 * `troupe train CONFIG` trains a team. `troupe train --resume RUN` resumes a run.
 * @module
 */
import { ConfigError } from '../../support/errors.ts';
import { DEFAULT_DASHBOARD_PORT, portNumber } from '../arguments.ts';
import { type DefineCommand, OVERRIDE_HELP } from '../command.ts';
import { showTraining } from '../training-output.ts';

interface TrainFlags {
  readonly resume?: string;
  readonly run?: string;
  readonly json?: boolean;
  readonly watch?: number | true;
  readonly tensorboard?: string;
}

export const defineTrain: DefineCommand = (program, { overrides }) => {
  program
    .command('train')
    .description('train a team by Sequential Agent Tuning')
    .argument('[config]', 'team file (YAML)')
    .option('--resume <run>', 'go on with a run from its newest complete checkpoint')
    .option('--run <dir>', 'run folder to make (default: runs/NAME-1, -2, ...)')
    .option('--json', 'events as JSON lines on standard output')
    .option(
      '--watch [port]',
      `also a dashboard in the browser while it trains (default port: ${DEFAULT_DASHBOARD_PORT})`,
      portNumber,
    )
    .option('--tensorboard <dir>', 'also metrics as TensorBoard event files')
    .addHelpText('after', OVERRIDE_HELP)
    .action(async (config: string | undefined, flags: TrainFlags) => {
      const { resume, run, json = false, tensorboard, watch } = flags;
      const shared = {
        overrides,
        tensorboard,
        dashboardPort: watch === true ? DEFAULT_DASHBOARD_PORT : watch,
      };
      if (resume !== undefined) {
        if (config !== undefined || run !== undefined)
          throw new ConfigError(
            `train --resume: expected nothing but the run folder, got "${config ?? run}" too`,
          );
        return showTraining({ ...shared, resume }, { json });
      }
      if (config === undefined)
        throw new ConfigError(
          'train: expected a team file, got nothing; try "troupe train recipes/quickstart.yaml"',
        );
      return showTraining({ ...shared, config, run }, { json });
    });
};
