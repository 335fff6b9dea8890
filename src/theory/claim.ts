/**
 * Claims about the algorithm as programs: what is claimed, what this repository predicts will be found,
 * and the experiment that finds it. A claim of the paper that is wrong is predicted to fail, and a run in
 * which it does not is as much of a surprise as the opposite.
 * @module
 */
import type { CreateModel } from './world-team.ts';

/** A line chart as data; whoever shows it knows how. */
export interface Chart {
  /** File name without its ending. */
  readonly name: string;
  readonly title: string;
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  readonly series: readonly {
    readonly name: string;
    readonly points: readonly (readonly [x: number, y: number])[];
    readonly dashed?: boolean;
  }[];
}

export interface ChartAxis {
  readonly label: string;
  readonly log?: boolean;
  readonly range?: readonly [number, number];
}

export interface TheoryContext {
  /** Random worlds of each claim that is about worlds. */
  readonly worlds: number;
  readonly seed: number;
  /** Makes the tables that play in the loop. */
  readonly createModel: CreateModel;
}

export interface Finding {
  /** Whether the claim, as it is stated, was found to be true. */
  readonly holds: boolean;
  /** The numbers behind it, in one line. */
  readonly figures: string;
  readonly charts?: readonly Chart[];
}

export interface Claim {
  /** Short name, unique. */
  readonly name: string;
  /** What is claimed, a sentence. */
  readonly statement: string;
  /** Equation (E), error of the paper (P) or golden example (G) it belongs to. */
  readonly source: string;
  readonly predicted: 'holds' | 'fails';
  /** Named by the claim's key, so that claims can be added without changing the others' draws. */
  readonly check: (context: TheoryContext) => Finding | Promise<Finding>;
}

/** Claims about one subject. */
export interface ClaimGroup {
  readonly title: string;
  readonly claims: readonly Claim[];
}

export interface Outcome extends Finding {
  readonly claim: Claim;
  /** Whether what was found is what was predicted. */
  readonly asPredicted: boolean;
  /** In words, as the claim's line opens: `holds`, `fails as predicted`, ... */
  readonly verdict: string;
}

/** Runs a claim's experiment. */
export async function examine(claim: Claim, context: TheoryContext): Promise<Outcome> {
  const finding = await claim.check(context);
  const asPredicted = finding.holds === (claim.predicted === 'holds');
  return { ...finding, claim, asPredicted, verdict: verdictOf(claim, finding) };
}

function verdictOf({ predicted }: Claim, { holds }: Finding): string {
  if (predicted === 'holds') return holds ? 'holds' : 'FAILS, though it was to hold';
  return holds ? 'HOLDS, though it was to fail' : 'fails as predicted';
}
