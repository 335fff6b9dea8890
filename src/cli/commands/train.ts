/**
 * `troupe train CONFIG`, `troupe train --resume RUN`.
 * @module
 */
import { join } from 'node:path';
import { freeRunFolder } from '../../app/run-folder-name.ts';
import { train } from '../../app/train.ts';
import { DEFAULT_PORT, lookingOn } from '../../app/training-views.ts';
import { requireSameRun } from '../../config/continuation.ts';
import { resolveConfig } from '../../config/resolve.ts';
import { CONFIG_FILE } from '../../store/layout.ts';
import { readRunConfig } from '../../store/read-run.ts';
import { ConfigError } from '../../support/errors.ts';
import { portNumber } from '../arguments.ts';
import { type DefineVerb, OVERRIDE_HELP } from '../command.ts';

interface TrainFlags {
  readonly resume?: string;
  readonly run?: string;
  readonly json?: boolean;
  readonly watch?: number | true;
  readonly tensorboard?: string;
}

export const defineTrain: DefineVerb = (program, { overrides }) => {
  program
    .command('train')
    .description('train a team by Sequential Agent Tuning')
    .argument('[config]', 'team file (YAML)')
    .option('--resume <run>', 'go on with a run from its newest complete checkpoint')
    .option('--run <dir>', 'run folder to make (default: runs/NAME-1, -2, ...)')
    .option('--json', 'events as JSON lines on standard output')
    .option(
      '--watch [port]',
      `also a dashboard in the browser while it trains (default port: ${DEFAULT_PORT})`,
      portNumber,
    )
    .option('--tensorboard <dir>', 'also metrics as TensorBoard event files')
    .addHelpText('after', OVERRIDE_HELP)
    .action(async (config: string | undefined, flags: TrainFlags) => {
      const { resume, run, json = false } = flags;
      const onOpen = await lookingOn(flags);
      if (resume !== undefined) {
        if (config !== undefined || run !== undefined)
          throw new ConfigError(
            `train --resume: expected nothing but the run folder, got "${config ?? run}" too`,
          );
        readRunConfig(resume); // refuses what is no run folder, before its configuration is looked for
        const path = join(resume, CONFIG_FILE);
        const resolved = resolveConfig(path, overrides);
        if (overrides.length > 0) requireSameRun(resolveConfig(path).config, resolved);
        return train({ resolved, run: resume, resume: true, json, onOpen });
      }
      if (config === undefined)
        throw new ConfigError(
          'train: expected a team file, got nothing; try "troupe train recipes/quickstart.yaml"',
        );
      const resolved = resolveConfig(config, overrides);
      const dir = run ?? freeRunFolder(resolved.config.name);
      await train({ resolved, run: dir, resume: false, json, onOpen });
    });
};
