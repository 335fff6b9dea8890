/**
 * `troupe compare RUN RUN ...`: runs side by side, with paired differences.
 * @module
 */
import { mkdirSync } from 'node:fs';
import { basename, dirname, extname, join, relative } from 'node:path';
import { compareRuns, readRun } from '../../app/compare.ts';
import { listenForInterrupt } from '../../app/interrupt.ts';
import { createProgressLine, progressText } from '../../observe/progress-line.ts';
import {
  type Comparison,
  comparisonCharts,
  renderComparison,
  renderComparisonPage,
} from '../../report/comparison-report.ts';
import { renderLineChart } from '../../report/svg-chart.ts';
import { writeFileAtomic } from '../../support/atomic-file.ts';
import { ConfigError } from '../../support/errors.ts';
import { positiveInteger } from '../arguments.ts';
import type { DefineVerb } from '../command.ts';

interface CompareFlags {
  readonly evaluate?: boolean;
  readonly prompts?: number;
  readonly k?: number;
  readonly group?: string;
  readonly out?: string;
  readonly json?: boolean;
}

export const defineCompare: DefineVerb = (program, { overrides }) => {
  program
    .command('compare')
    .description(
      'runs side by side: curves, falls from stage to stage, paired differences on the same prompts',
    )
    .argument('<runs...>', 'run folders on one task; the others are compared with the first')
    .option('--evaluate', 'measure the teams now, even if the runs recorded test rewards')
    .option('--prompts <count>', 'test prompts of a measurement (default: eval.prompts)', positiveInteger)
    .option('-k <samples>', 'samples per prompt of a measurement (default: eval.k)', positiveInteger)
    .option('--group <key>', 'one row per value of this key of the team files, such as algorithm')
    .option('--out <file>', 'also as Markdown, with pictures beside it')
    .option('--json', 'one JSON object on standard output')
    .action(async (dirs: string[], flags: CompareFlags) => {
      const [given] = overrides;
      if (given !== undefined)
        throw new ConfigError(`${given.flag}: expected no field of a team file, runs have their own`);
      const interruption = listenForInterrupt('stopping');
      const line = createProgressLine({ stream: process.stderr });
      const startedMs = performance.now();
      try {
        const comparison = await compareRuns({
          runs: dirs.map(readRun),
          evaluate: flags.evaluate ?? false,
          ...(flags.prompts !== undefined && { prompts: flags.prompts }),
          ...(flags.k !== undefined && { samples: flags.k }),
          ...(flags.group !== undefined && { group: flags.group }),
          signal: interruption.signal,
          onProgress: (run, done, total) =>
            line.update(progressText(run, { done, total, elapsedMs: performance.now() - startedMs })),
        });
        line.close();
        process.stdout.write(flags.json ? `${JSON.stringify(comparison)}\n` : renderComparison(comparison));
        if (flags.out !== undefined) writePage(comparison, flags.out, flags.json ?? false);
      } finally {
        line.close();
        interruption.release();
      }
    });
};

/** The page, and its pictures in a folder of the same name. */
function writePage(comparison: Comparison, file: string, isQuiet: boolean): void {
  const folder = basename(file, extname(file));
  const pictures = join(dirname(file), folder);
  mkdirSync(pictures, { recursive: true });
  for (const { name, chart } of comparisonCharts(comparison))
    writeFileAtomic(join(pictures, `${name}.svg`), renderLineChart(chart));
  writeFileAtomic(
    file,
    renderComparisonPage(comparison, (name) => `${folder}/${name}.svg`),
  );
  if (!isQuiet) process.stdout.write(`page  ${relative(process.cwd(), file) || file}\n`);
}
