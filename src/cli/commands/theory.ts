/**
 * `troupe theory` tests every claim about the algorithm on small decision processes whose quantities are
 * computed exactly.
 * @module
 */
import { relative } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { type ClaimEvent, countLine, outcomeLine, testTheory } from '../../app/theory.ts';
import type { Override } from '../../config/overrides.ts';
import { ConfigError } from '../../support/errors.ts';
import type { DefineCommand } from '../command.ts';

interface TheoryFlags {
  readonly worlds: number;
  readonly out: string;
  readonly only?: string;
  readonly json?: boolean;
}

/** Minimum number of random worlds. With fewer, an outcome that a claim predicts to be rare may not occur. */
const MIN_WORLDS = 50;

export const defineTheory: DefineCommand = (program, { overrides }) => {
  program
    .command('theory')
    .description(
      'check every claim about the algorithm on exact worlds; exit 1 if a result differs from its prediction',
    )
    .option('--worlds <count>', 'random worlds per claim', worldCount, 200)
    .option('--seed <number>', 'seed of every draw (default: 1)')
    .option('--only <text>', 'claims with this text in their name')
    .option('--out <dir>', 'folder for theory-report.md and its pictures', '.')
    .option('--json', 'one JSON object per claim on standard output')
    .action(async ({ json = false, ...flags }: TheoryFlags) => {
      const seed = seedOf(overrides);
      const startedMs = performance.now();
      const { outcomes, report } = await testTheory({
        ...flags,
        seed,
        onEvent: (event) => {
          if (event.kind === 'claim')
            process.stdout.write(`${json ? jsonLine(event) : `  ${outcomeLine(event.outcome)}`}\n`);
          else if (!json) process.stdout.write(`\n${event.title}\n`);
        },
      });
      if (!json) {
        const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
        const path = relative(process.cwd(), report) || report;
        process.stdout.write(`\n${countLine(outcomes)} (${seconds} s)\nreport  ${path}\n`);
      }
      if (outcomes.some(({ asPredicted }) => !asPredicted)) process.exitCode = 1;
    });
};

function jsonLine({ outcome: { claim, verdict, figures, asPredicted } }: ClaimEvent): string {
  const { name, statement, source, predicted } = claim;
  return JSON.stringify({ name, statement, source, predicted, verdict, as_predicted: asPredicted, figures });
}

function worldCount(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < MIN_WORLDS)
    throw new InvalidArgumentError(`expected an integer >= ${MIN_WORLDS}`);
  return value;
}

/**
 * Reads the seed from the overrides: `--seed` is also a key of team files, so the parser treats it as an
 * override.
 *
 * @throws ConfigError for any other override, or a seed that is not an integer >= 0
 */
function seedOf(overrides: readonly Override[]): number {
  const other = overrides.find(({ path }) => path.join('.') !== 'seed');
  if (other !== undefined)
    throw new ConfigError(`${other.flag}: expected no field of a team file, which theory does not read`);
  const seed = overrides.at(-1)?.value ?? 1;
  if (!Number.isSafeInteger(seed) || Number(seed) < 0)
    throw new ConfigError(`--seed: expected an integer >= 0, got ${JSON.stringify(seed)}`);
  return Number(seed);
}
