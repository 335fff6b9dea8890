/**
 * `troupe export RUN --out DIR` exports a trained team as standard Hugging Face folders.
 * @module
 */
import { InvalidArgumentError, Option } from 'commander';
import { exportTeam } from '../../app/export.ts';
import type { DefineCommand } from '../command.ts';
import { printEvents } from '../event-printer.ts';

interface ExportFlags {
  readonly out: string;
  readonly dtype: 'f32' | 'bf16';
  readonly maxShardSize: number;
  readonly merge?: boolean;
}

const UNITS: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9 };

export const defineExport: DefineCommand = (program) => {
  program
    .command('export')
    .description('write a trained team as plain Hugging Face folders, with a model card')
    .argument('<team>', 'run folder (its champion), or checkpoint inside one')
    .requiredOption('--out <dir>', 'folder to make; must not be there yet')
    .addOption(
      new Option('--dtype <format>', 'number format of the weights').choices(['f32', 'bf16']).default('f32'),
    )
    .option('--max-shard-size <size>', 'largest file of weights: 500MB, 5GB', sizeBytes, 5e9)
    .option('--merge', 'add low-rank adapters to their base, so that each folder is a whole model')
    .action(async (team: string, { out, dtype, maxShardSize, merge }: ExportFlags) => {
      const printer = printEvents();
      try {
        const made = await exportTeam({
          ...{ team, out, merge },
          dtype: dtype === 'bf16' ? 'BF16' : 'F32',
          maxShardBytes: maxShardSize,
          onEvent: printer.onEvent,
        });
        process.stdout.write(`${made.map(({ dir, files }) => `${dir}  ${files.join(', ')}`).join('\n')}\n`);
      } finally {
        printer.close();
      }
    });
};

function sizeBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(KB|MB|GB)$/i.exec(text.trim());
  const bytes = match ? Number(match[1]) * (UNITS[(match[2] as string).toUpperCase()] as number) : 0;
  if (!(bytes > 0)) throw new InvalidArgumentError('expected a size such as 500MB or 5GB');
  return bytes;
}
