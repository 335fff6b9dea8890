/**
 * Claims about the algorithm as data: a statement, a prediction of whether it holds, and an experiment that
 * checks it. A claim of the SAT paper that is known to be wrong has the prediction "fails". The command fails
 * if the result of any experiment differs from the prediction.
 * @module
 */
import type { CreateModel } from './world-team.ts';

/** Data of a line chart; the command `troupe theory` renders it. */
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

/** One axis. `log`: whether it is logarithmic; `range`: fixed limits. */
export interface ChartAxis {
  readonly label: string;
  readonly log?: boolean;
  readonly range?: readonly [number, number];
}

/** Input of the experiments. */
export interface TheoryContext {
  /** Number of random worlds (small MDPs or episodes) per claim. */
  readonly worlds: number;
  readonly seed: number;
  /** Creates the tabular models that the experiments train with the training loop. */
  readonly createModel: CreateModel;
}

/** Result of an experiment. */
export interface Finding {
  /** Whether the statement holds in this experiment. */
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
  /**
   * Source in `docs/algorithm.md`: equation (E), error of the paper (P), worked example (G) or number of a
   * section.
   */
  readonly source: string;
  readonly predicted: 'holds' | 'fails';
  /**
   * Runs the experiment. Each experiment has its own random streams, so that a new claim does not change the
   * draws of others.
   */
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
  /**
   * Result in words: `holds`, `fails as predicted`, `FAILS (predicted: holds)` or `HOLDS (predicted: fails)`.
   */
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
