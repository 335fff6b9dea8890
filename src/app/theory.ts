/**
 * Tests the claims about the algorithm on small random decision processes (worlds), in which all quantities
 * can be computed exactly, and writes a report.
 * @module
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { renderLineChart } from '../report/svg-chart.ts';
import { writeFileAtomic } from '../support/atomic-file.ts';
import { ConfigError } from '../support/errors.ts';
import { type ClaimGroup, examine, type Outcome, type TheoryContext } from '../theory/claim.ts';
import { CLAIM_GROUPS } from '../theory/claims.ts';
import { renderTheoryReport } from '../theory/report.ts';
import { tabularModels } from './compose/engine.ts';
import { packageVersion } from './package-version.ts';

export { countLine, outcomeLine } from '../theory/report.ts';

export type TheoryEvent =
  /** Start of a group of claims; a `claim` event follows for each of its claims. */
  { readonly kind: 'claim_group'; readonly title: string } | ClaimEvent;

export interface ClaimEvent {
  readonly kind: 'claim';
  readonly outcome: Outcome;
}

export interface TheoryRequest {
  /** Random worlds per claim. */
  readonly worlds: number;
  /** Seed of all random draws. */
  readonly seed: number;
  /** Text that the name of a claim must contain to be tested; default: all claims are tested. */
  readonly only?: string | undefined;
  /** Folder in which the report and its pictures are written. */
  readonly out: string;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: TheoryEvent) => void) | undefined;
}

export interface TheoryResult {
  readonly outcomes: readonly Outcome[];
  /** Path of the report. */
  readonly report: string;
}

const REPORT = 'theory-report.md';
const PICTURES = 'theory-report';

/** @throws ConfigError if no claim's name contains `only` */
export async function testTheory(request: TheoryRequest): Promise<TheoryResult> {
  const { worlds, seed, only, signal, onEvent } = request;
  const groups = selectGroups(only);
  const context: TheoryContext = { worlds, seed, createModel: await tabularModels() };
  const outcomes: Outcome[] = [];
  for (const { title, claims } of groups) {
    onEvent?.({ kind: 'claim_group', title });
    for (const claim of claims) {
      signal?.throwIfAborted();
      const outcome = await examine(claim, context);
      outcomes.push(outcome);
      onEvent?.({ kind: 'claim', outcome });
    }
  }
  return { outcomes, report: writeReport(groups, outcomes, request) };
}

function selectGroups(only = ''): ClaimGroup[] {
  const selected = CLAIM_GROUPS.map(({ title, claims }) => ({
    title,
    claims: claims.filter(({ name }) => name.toLowerCase().includes(only.toLowerCase())),
  })).filter(({ claims }) => claims.length > 0);
  if (selected.length > 0) return selected;
  const names = CLAIM_GROUPS.flatMap(({ claims }) => claims.map(({ name }) => name));
  throw new ConfigError(
    `--only: expected part of a claim's name, got "${only}"; the claims are ${names.join(', ')}`,
  );
}

/** @returns path of the report */
function writeReport(
  groups: readonly ClaimGroup[],
  outcomes: readonly Outcome[],
  { worlds, seed, out }: TheoryRequest,
): string {
  const pictures = join(out, PICTURES);
  // deletes the pictures of an earlier report, which may have other names
  rmSync(pictures, { recursive: true, force: true });
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
  return report;
}
