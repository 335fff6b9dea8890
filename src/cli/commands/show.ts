/**
 * `troupe show RUN --prompt 17`: what was asked, said, voted and judged.
 * @module
 */
import { Option } from 'commander';
import { findTranscripts, type Wanted } from '../../app/transcripts.ts';
import { type ModelCallRow, renderTimeline } from '../../observe/model-calls.ts';
import { plural } from '../../report/format.ts';
import { renderTranscripts } from '../../report/transcript-text.ts';
import { readModelCalls } from '../../store/read-run.ts';
import { ConfigError } from '../../support/errors.ts';
import { SPLITS } from '../../task/split.ts';
import { naturalNumber } from '../arguments.ts';
import type { DefineVerb } from '../command.ts';

interface ShowFlags extends Wanted {
  readonly limit: number;
  readonly whole?: boolean;
  readonly json?: boolean;
  readonly work?: boolean;
}

export const defineShow: DefineVerb = (program, { overrides }) => {
  program
    .command('show')
    .description('transcripts of training or evaluation: prompt, messages, votes, verdict')
    .argument('<place>', 'run, folder of an evaluation, or file of transcripts')
    .option('--prompt <which>', 'number of the prompt, from 0 on, or id of its item')
    .option('--stage <stage>', 'training: this stage alone', naturalNumber)
    .addOption(new Option('--split <split>', 'items of this split alone').choices(SPLITS))
    .option('--benchmark <name>', 'this benchmark or file of an evaluation alone')
    .option('--sample <number>', 'this sample alone', naturalNumber)
    .option('--wrong', 'only what the team got wrong')
    .option('--agent <agent>', 'name or number of an agent that spoke (training: that the episode was for)')
    .option('--limit <count>', 'most transcripts', naturalNumber, 20)
    .option('--whole', 'long messages whole')
    .option(
      '--work',
      'of a run on a cluster: which agents were at work when, in one stage (default: the last)',
    )
    .option('--json', 'one JSON object per line on standard output')
    .action((place: string, { limit, whole = false, json = false, work, ...wanted }: ShowFlags) => {
      const [given] = overrides;
      if (given !== undefined)
        throw new ConfigError(`${given.flag}: expected no field of a team file, transcripts are as they are`);
      if (work) {
        process.stdout.write(showWork(place, wanted.stage));
        return;
      }
      const found = findTranscripts(place, wanted);
      const shown = found.slice(0, limit);
      if (json) {
        for (const { shelf, position, transcript } of shown)
          process.stdout.write(`${JSON.stringify({ in: shelf.name, position, ...transcript })}\n`);
        return;
      }
      process.stdout.write(renderTranscripts(shown, { whole }));
      const more = found.length - shown.length;
      if (more > 0)
        process.stdout.write(
          `\n... and ${plural(more, 'transcript')} more; --limit ${found.length} shows all\n`,
        );
    });
};

/** @throws ConfigError if nothing was noted */
function showWork(run: string, stage: number | undefined): string {
  const rows = readModelCalls(run) as ModelCallRow[]; // this folder's own writer made them
  const last = stage ?? rows.at(-1)?.stage;
  const shown = rows.filter((row) => row.stage === last);
  if (shown.length === 0)
    throw new ConfigError(
      `${run}: expected work of stage ${stage ?? 'any'}, got none; runs with engine.kind torch or ray note theirs`,
    );
  return `stage ${last}\n${renderTimeline(shown)}`;
}
