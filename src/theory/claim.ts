/**
 * Claims about the algorithm as data: a statement, a prediction whether it holds, and an experiment that checks it. A
 * claim of the paper that is known to be wrong has the prediction "fails"; if the experiment finds that it holds, the
 * run fails, as in the opposite case.
 * @module
 */
import type { CreateModel } from './world-team.ts';

/** Data of a line chart; the command renders it. */
export interface Chart {
  /** File name without the extension. */
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

/** One axis; `log`: logarithmic, `range`: fixed limits. */
export interface ChartAxis {
  readonly label: string;
  readonly log?: boolean;
  readonly range?: readonly [number, number];
}

/** Input of the experiments. */
export interface TheoryContext {
  /** Number of random worlds per claim. */
  readonly worlds: number;
  readonly seed: number;
  /** Creates the tabular models that are trained in the loop. */
  readonly createModel: CreateModel;
}

/** Result of an experiment. */
export interface Finding {
  /** Whether the statement holds in the experiment. */
  readonly holds: boolean;
  /** The measured numbers, in one line. */
  readonly figures: string;
  readonly charts?: readonly Chart[];
}

/** A statement with its prediction and experiment. */
export interface Claim {
  /** Short name, unique. */
  readonly name: string;
  /** The statement, one sentence without a full stop. */
  readonly statement: string;
  /** Equation (E), error of the paper (P), worked example (G) or section of `docs/algorithm.md`. */
  readonly source: string;
  readonly predicted: 'holds' | 'fails';
  /** The experiment. Each uses random streams of its own, so that a new claim does not change the draws of others. */
  readonly check: (context: TheoryContext) => Finding | Promise<Finding>;
}

/** Claims about one subject. */
export interface ClaimGroup {
  readonly title: string;
  readonly claims: readonly Claim[];
}

/** A claim with its result. */
export interface Outcome extends Finding {
  readonly claim: Claim;
  /** Whether the result agrees with the prediction. */
  readonly asPredicted: boolean;
  /** `holds`, `fails as predicted`, `FAILS (predicted: holds)` or `HOLDS (predicted: fails)`. */
  readonly verdict: string;
}

/** Runs a claim's experiment. */
export async function examine(claim: Claim, context: TheoryContext): Promise<Outcome> {
  const finding = await claim.check(context);
  const asPredicted = finding.holds === (claim.predicted === 'holds');
  return { ...finding, claim, asPredicted, verdict: verdictOf(claim, finding) };
}

function verdictOf({ predicted }: Claim, { holds }: Finding): string {
  if (predicted === 'holds') return holds ? 'holds' : 'FAILS (predicted: holds)';
  return holds ? 'HOLDS (predicted: fails)' : 'fails as predicted';
}
