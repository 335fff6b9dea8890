/**
 * `troupe theory`: every claim about the algorithm, tried on exact worlds.
 * @module
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { createTabularModel } from '../../app/compose-models.ts';
import { packageVersion } from '../../app/package-version.ts';
import type { Override } from '../../config/overrides.ts';
import { renderLineChart } from '../../report/svg-chart.ts';
import { writeFileAtomic } from '../../support/atomic-file.ts';
import { ConfigError } from '../../support/errors.ts';
import { type ClaimGroup, examine, type Outcome, type TheoryContext } from '../../theory/claim.ts';
import { CLAIM_GROUPS } from '../../theory/claims.ts';
import { countLine, outcomeLine, renderTheoryReport } from '../../theory/report.ts';
import type { DefineVerb } from '../command.ts';

interface TheoryFlags {
  readonly worlds: number;
  readonly out: string;
  readonly only?: string;
  readonly json?: boolean;
}

const REPORT = 'theory-report.md';
const PICTURES = 'theory-report';

/** With fewer, what is rare may not turn up. */
const LEAST_WORLDS = 50;

export const defineTheory: DefineVerb = (program, { overrides }) => {
  program
    .command('theory')
    .description(
      'check every claim about the algorithm on exact worlds; exit 1 if a result differs from its prediction',
    )
    .option('--worlds <count>', 'random worlds per claim', worldCount, 200)
    .option('--seed <number>', 'names every draw (default: 1)')
    .option('--only <text>', 'claims with this in their name')
    .option('--out <dir>', `where ${REPORT} and its pictures go`, '.')
    .option('--json', 'one JSON object per claim on standard output')
    .action(async ({ worlds, out, only, json = false }: TheoryFlags) => {
      const seed = seedOf(overrides);
      const context: TheoryContext = { worlds, seed, createModel: createTabularModel };
      const started = performance.now();
      const outcomes: Outcome[] = [];
      const groups = chosenGroups(only);
      for (const { title, claims } of groups) {
        if (!json) process.stdout.write(`\n${title}\n`);
        for (const claim of claims) {
          const outcome = await examine(claim, context);
          outcomes.push(outcome);
          process.stdout.write(`${json ? jsonLine(outcome) : `  ${outcomeLine(outcome)}`}\n`);
        }
      }
      const report = writeReport(groups, outcomes, { worlds, seed, out });
      if (!json) {
        const seconds = ((performance.now() - started) / 1000).toFixed(0);
        process.stdout.write(`\n${countLine(outcomes)} (${seconds} s)\nreport  ${report}\n`);
      }
      if (outcomes.some(({ asPredicted }) => !asPredicted)) process.exitCode = 1;
    });
};

function jsonLine({ claim, verdict, figures, asPredicted }: Outcome): string {
  const { name, statement, source, predicted } = claim;
  return JSON.stringify({ name, statement, source, predicted, verdict, as_predicted: asPredicted, figures });
}

/** @throws ConfigError if no claim has that name */
function chosenGroups(only = ''): ClaimGroup[] {
  const chosen = CLAIM_GROUPS.map(({ title, claims }) => ({
    title,
    claims: claims.filter(({ name }) => name.toLowerCase().includes(only.toLowerCase())),
  })).filter(({ claims }) => claims.length > 0);
  if (chosen.length > 0) return chosen;
  const names = CLAIM_GROUPS.flatMap(({ claims }) => claims.map(({ name }) => name));
  throw new ConfigError(
    `--only: expected part of a claim's name, got "${only}"; the claims are ${names.join(', ')}`,
  );
}

/** @returns path of the report */
function writeReport(
  groups: readonly ClaimGroup[],
  outcomes: readonly Outcome[],
  { worlds, seed, out }: Pick<TheoryFlags, 'worlds' | 'out'> & { readonly seed: number },
): string {
  const pictures = join(out, PICTURES);
  rmSync(pictures, { recursive: true, force: true }); // none of an earlier run may stay behind
  mkdirSync(pictures, { recursive: true });
  for (const chart of outcomes.flatMap(({ charts = [] }) => charts))
    writeFileAtomic(join(pictures, `${chart.name}.svg`), renderLineChart(chart));
  const report = join(out, REPORT);
  writeFileAtomic(
    report,
    renderTheoryReport(groups, outcomes, {
      facts: { worlds, seed, version: packageVersion() },
      pictureOf: ({ name }) => `${PICTURES}/${name}.svg`,
    }),
  );
  return relative(process.cwd(), report) || report;
}

function worldCount(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < LEAST_WORLDS)
    throw new InvalidArgumentError(`expected an integer >= ${LEAST_WORLDS}`);
  return value;
}

/**
 * `--seed` is a key of team files and was taken out of the command line as one; no other is of use here.
 *
 * @throws ConfigError for another key, or a seed that is none
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
