/**
 * `troupe show RUN --prompt 17`: what was asked, said, voted and judged.
 * @module
 */
import { InvalidArgumentError, Option } from 'commander';
import { plural } from '../observe/format.ts';
import { ConfigError } from '../support/errors.ts';
import { SPLITS } from '../task/split.ts';
import { renderTranscripts } from './show-text.ts';
import { findTranscripts, type Wanted } from './transcripts.ts';
import type { DefineVerb } from './verb.ts';

interface ShowFlags extends Wanted {
  readonly limit: number;
  readonly whole?: boolean;
  readonly json?: boolean;
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
    .option('--json', 'one JSON object per line on standard output')
    .action((place: string, { limit, whole = false, json = false, ...wanted }: ShowFlags) => {
      const [given] = overrides;
      if (given !== undefined)
        throw new ConfigError(`${given.flag}: expected no field of a team file, transcripts are as they are`);
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

function naturalNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('expected an integer >= 0');
  return value;
}
