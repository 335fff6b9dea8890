/**
 * `troupe compare RUN RUN ...` prints results of runs side by side, with paired differences.
 * @module
 */
import { mkdirSync } from 'node:fs';
import { basename, dirname, extname, join, relative } from 'node:path';
import { type Comparison, compare } from '../../app/compare.ts';
import { comparisonCharts, renderComparison, renderComparisonPage } from '../../report/comparison-report.ts';
import { renderLineChart } from '../../report/svg-chart.ts';
import { writeFileAtomic } from '../../support/atomic-file.ts';
import { ConfigError } from '../../support/errors.ts';
import { positiveInteger } from '../arguments.ts';
import type { DefineCommand } from '../command.ts';
import { withProgress } from '../with-progress.ts';

interface CompareFlags {
  readonly evaluate?: boolean;
  readonly prompts?: number;
  readonly k?: number;
  readonly group?: string;
  readonly out?: string;
  readonly json?: boolean;
}

export const defineCompare: DefineCommand = (program, { overrides }) => {
  program
    .command('compare')
    .description('compare runs: curves, drops from stage to stage, paired differences on the same prompts')
    .argument('<runs...>', 'run folders on one task; the others are compared with the first')
    .option('--evaluate', 'measure the teams now, even if the runs recorded test rewards')
    .option('--prompts <count>', 'test prompts of a measurement (default: eval.prompts)', positiveInteger)
    .option('-k <samples>', 'samples per prompt of a measurement (default: eval.k)', positiveInteger)
    .option('--group <key>', 'one row per value of this key of the team files, such as algorithm')
    .option('--out <file>', 'also as Markdown, with pictures beside it')
    .option('--json', 'one JSON object on standard output')
    .action(async (runs: string[], flags: CompareFlags) => {
      const [given] = overrides;
      if (given !== undefined)
        throw new ConfigError(`${given.flag}: expected no field of a team file, runs have their own`);
      const { evaluate, prompts, k: samples, group, out, json = false } = flags;
      const comparison = await withProgress('stopping', (options) =>
        compare({ runs, evaluate, prompts, samples, group, ...options }),
      );
      process.stdout.write(json ? `${JSON.stringify(comparison)}\n` : renderComparison(comparison));
      if (out === undefined) return;
      writePage(comparison, out);
      if (!json) process.stdout.write(`page  ${relative(process.cwd(), out) || out}\n`);
    });
};

/** Writes the comparison as a Markdown page, and its pictures into a folder with the page's name. */
function writePage(comparison: Comparison, file: string): void {
  const folder = basename(file, extname(file));
  const pictures = join(dirname(file), folder);
  mkdirSync(pictures, { recursive: true });
  for (const { name, chart } of comparisonCharts(comparison))
    writeFileAtomic(join(pictures, `${name}.svg`), renderLineChart(chart));
  writeFileAtomic(
    file,
    renderComparisonPage(comparison, (name) => `${folder}/${name}.svg`),
  );
}
