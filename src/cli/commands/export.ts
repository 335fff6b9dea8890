/**
 * `troupe export RUN --out DIR` exports a trained team as standard Hugging Face folders.
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { type ExportDtype, exportTeam } from '../../app/export.ts';
import { exportReport } from '../../report/export-report.ts';
import type { DefineCommand } from '../command.ts';
import { printEvents } from '../event-printer.ts';

interface ExportFlags {
  readonly out: string;
  readonly format: 'safetensors' | 'gguf';
  readonly dtype?: ExportDtype;
  readonly maxShardSize: number;
  readonly merge?: boolean;
  readonly measure: boolean;
}

const UNITS: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9 };

/** Names that are accepted for a type: those of PyTorch, and those of llama.cpp and of earlier versions. */
const DTYPES: Readonly<Record<string, ExportDtype>> = {
  ...{ float32: 'float32', bfloat16: 'bfloat16', float16: 'float16', q8_0: 'q8_0' },
  ...{ f32: 'float32', bf16: 'bfloat16', f16: 'float16' },
};

export const defineExport: DefineCommand = (program) => {
  program
    .command('export')
    .description('write a trained team as plain Hugging Face folders or GGUF files, with a model card')
    .argument('<team>', 'run folder (its champion), or checkpoint inside one')
    .requiredOption('--out <dir>', 'folder to make; must not be there yet')
    .addOption(
      new Option('--format <format>', 'files to write')
        .choices(['safetensors', 'gguf'])
        .default('safetensors'),
    )
    .option(
      '--dtype <type>',
      'type of the weights of complete models: float32 (default), bfloat16, float16 (default for gguf), q8_0 (gguf)',
      dtypeNamed,
    )
    .option('--max-shard-size <size>', 'largest safetensors file: 500MB, 5GB', sizeBytes, 5e9)
    .option('--merge', 'add low-rank adapters to their base, so that each folder is a whole model')
    .option('--no-measure', 'do not measure the effect of rounding on messages of the run')
    .action(async (team: string, { maxShardSize, ...flags }: ExportFlags) => {
      const printer = printEvents();
      try {
        const made = await exportTeam({
          ...{ team, ...flags },
          maxShardBytes: maxShardSize,
          onEvent: printer.onEvent,
        });
        process.stdout.write(exportReport(made));
        const file = join(flags.out, 'team.yaml');
        if (existsSync(file)) process.stdout.write(`\nteam  ${file}, for troupe eval and troupe serve\n`);
      } finally {
        printer.close();
      }
    });
};

function dtypeNamed(text: string): ExportDtype {
  const dtype = DTYPES[text.toLowerCase()];
  if (dtype === undefined) throw new InvalidArgumentError('expected float32, bfloat16, float16 or q8_0');
  return dtype;
}

function sizeBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(KB|MB|GB)$/i.exec(text.trim());
  const bytes = match ? Number(match[1]) * (UNITS[(match[2] as string).toUpperCase()] as number) : 0;
  if (!(bytes > 0)) throw new InvalidArgumentError('expected a size such as 500MB or 5GB');
  return bytes;
}
