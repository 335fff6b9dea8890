/**
 * `troupe show RUN --prompt 17` prints transcripts with messages, votes and verdicts.
 * @module
 */
import { Option } from 'commander';
import { findModelCalls } from '../../app/model-call-log.ts';
import { findTranscripts, runConfigProblem, type TranscriptFilter } from '../../app/transcripts.ts';
import { renderTimeline } from '../../observe/model-calls.ts';
import { plural } from '../../report/format.ts';
import { renderTranscripts } from '../../report/transcript-text.ts';
import { ConfigError } from '../../support/errors.ts';
import { SPLITS } from '../../task/split.ts';
import { naturalNumber, splitName } from '../arguments.ts';
import type { DefineCommand } from '../command.ts';

interface ShowFlags extends TranscriptFilter {
  readonly limit: number;
  readonly whole?: boolean;
  readonly json?: boolean;
  readonly work?: boolean;
}

export const defineShow: DefineCommand = (program, { overrides }) => {
  program
    .command('show')
    .description('print transcripts of training or evaluation: prompt, messages, votes, verdict')
    .argument('<path>', 'run, folder of an evaluation, or file of transcripts')
    .option('--prompt <which>', 'number of the prompt, from 0 on, or id of its item')
    .option('--stage <stage>', 'training: this stage alone', naturalNumber)
    .addOption(
      new Option('--split <split>', 'items of this split alone').choices(SPLITS).argParser(splitName),
    )
    .option('--benchmark <name>', 'this benchmark or file of an evaluation alone')
    .option('--sample <number>', 'this sample alone', naturalNumber)
    .option('--wrong', 'only wrong answers of the team')
    .option(
      '--agent <agent>',
      'name or number of an agent with a message (training: of the agent that learned)',
    )
    .option('--limit <count>', 'most transcripts', naturalNumber, 20)
    .option('--whole', 'long messages whole')
    .option(
      '--work',
      'of a run on a cluster: timeline of the calls to each agent in one stage (default: the last)',
    )
    .option('--json', 'one JSON object per line on standard output')
    .action((path: string, { limit, whole = false, json = false, work, ...filter }: ShowFlags) => {
      const [given] = overrides;
      if (given !== undefined)
        throw new ConfigError(`${given.flag}: expected no field of a team file, transcripts are as they are`);
      if (work) {
        const { stage, rows } = findModelCalls(path, filter.stage);
        process.stdout.write(`stage ${stage}\n${renderTimeline(rows)}`);
        return;
      }
      const found = findTranscripts(path, filter);
      const shown = found.slice(0, limit);
      const problem = runConfigProblem(path);
      if (problem !== undefined) process.stderr.write(`warning: ${problem}\n`);
      if (json) {
        for (const { file, position, transcript } of shown)
          process.stdout.write(`${JSON.stringify({ in: file.name, position, ...transcript })}\n`);
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
