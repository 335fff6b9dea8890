/**
 * What the experiments found, as lines and as `theory-report.md`. Pure.
 * @module
 */
import type { Chart, ClaimGroup, Outcome } from './claim.ts';

/** How the experiments were run. */
export interface ReportFacts {
  readonly worlds: number;
  readonly seed: number;
  readonly version: string;
}

/** One claim in one line: `holds               exact sequential steps: 0 decreases in 498 steps`. */
export function outcomeLine({ claim, verdict, figures }: Outcome): string {
  return `${verdict.padEnd(18)}  ${claim.name}: ${figures}`;
}

/** `49 claims: 28 hold, 21 fail as predicted, none came out otherwise`. */
export function countLine(outcomes: readonly Outcome[]): string {
  const expected = outcomes.filter(({ asPredicted }) => asPredicted);
  const hold = expected.filter(({ holds }) => holds).length;
  const otherwise = outcomes.length - expected.length;
  return `${outcomes.length} claims: ${hold} hold, ${expected.length - hold} fail as predicted, ${otherwise === 0 ? 'none' : otherwise} came out otherwise`;
}

/**
 * The report as Markdown.
 *
 * @param outcomes - of the groups' claims
 * @param pictureOf - path of a chart's picture, relative to the report
 */
export function renderTheoryReport(
  groups: readonly ClaimGroup[],
  outcomes: readonly Outcome[],
  { facts, pictureOf }: { readonly facts: ReportFacts; readonly pictureOf: (chart: Chart) => string },
): string {
  const { worlds, seed, version } = facts;
  const sections = groups.map(({ title, claims }) => {
    const found = outcomes.filter(({ claim }) => claims.includes(claim));
    return [`## ${title}`, ...found.map((outcome) => section(outcome, pictureOf))].join('\n\n');
  });
  return `${[
    '# Theory report',
    `${countLine(outcomes)}. Made by \`troupe theory --worlds ${worlds} --seed ${seed}\` (troupe ${version}).`,
    'Each claim was tried on seeded random worlds whose values, occupancies and gains are known exactly, through the functions that train language models; claims about the loop through the loop itself. A claim of the paper that is wrong is predicted to fail. E numbers are equations, P numbers errors of the paper, G numbers worked examples, as this repository counts them.',
    ...sections,
  ].join('\n\n')}\n`;
}

function section(
  { claim, verdict, figures, charts = [] }: Outcome,
  pictureOf: (chart: Chart) => string,
): string {
  return [
    `### ${claim.name} (${claim.source})`,
    `> ${claim.statement}`,
    `**${verdict}**: ${figures}.`,
    ...charts.map((chart) => `![${chart.title}](${pictureOf(chart)})`),
  ].join('\n\n');
}
