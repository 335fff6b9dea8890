/**
 * Predicted gain of a natural-gradient step, κ sqrt(δ) − a δ (the paper's gain term), from the scores of
 * trajectories. δ is the KL radius of the step; the score of a trajectory is the gradient of its
 * log-probability. The coefficient κ can be computed in three equivalent ways. A cross-fitted version of the
 * prediction is unbiased.
 * @see SAT (arXiv 2605.05216) Theorem "info-lower"; natural policy gradient, Kakade 2001
 * @module
 */
import { checkFinite, checkLength, checkPositive } from './check.ts';
import { DomainError } from './errors.ts';
import {
  conjugateGradient,
  dot,
  type Matrix,
  multiply,
  multiplyTransposed,
  solve,
  symmetricEigenvalues,
} from './linear.ts';

/** Gradient and Fisher matrix of the surrogate objective L of one agent's update, for D parameters. */
export interface FisherModel {
  /** g: gradient of the surrogate objective L [D]. */
  readonly gradient: ArrayLike<number>;
  /** F: Fisher matrix, symmetric positive semi-definite [D][D]. */
  readonly fisher: Matrix;
  /** L_loc: Lipschitz constant of the surrogate's gradient along the step. */
  readonly lipschitz: number;
}

/** Radius of the step and regularisation of the Fisher matrix. */
export interface InformationGainOptions {
  /** δ: bound on ½ΔᵀFΔ for the step Δ, nats. */
  readonly delta: number;
  /** ε added to F's diagonal. */
  readonly epsilon: number;
}

/** Result of {@link informationGain}. */
export interface InformationGain {
  /**
   * κ, the coefficient of sqrt(δ) in the predicted gain κ sqrt(δ) − a δ: sqrt(2 gᵀ F_reg⁻¹ g), where g is the
   * gradient, F_reg = F + εI the regularised Fisher matrix and δ the radius.
   */
  readonly kappa: number;
  /**
   * a, the coefficient of δ in the predicted gain κ sqrt(δ) − a δ: L_loc / λ_min(F_reg), the Lipschitz
   * constant of the gradient divided by the smallest eigenvalue of the regularised Fisher matrix.
   */
  readonly a: number;
  readonly lambdaMin: number;
  /** κ sqrt(δ) − a δ. */
  readonly gain: number;
  /** The step: Δ = sqrt(2δ / gᵀF_reg⁻¹g) F_reg⁻¹ g, the natural gradient scaled to ½ΔᵀF_regΔ = δ [D]. */
  readonly step: Float64Array;
}

/**
 * Predicts the gain of a natural-gradient step: κ sqrt(δ) − a δ, with κ = sqrt(2 gᵀ F_reg⁻¹ g), a =
 * L_loc/λ_min(F_reg) and F_reg = F + εI. Here g is the gradient, F the Fisher matrix, ε the regularisation,
 * L_loc the Lipschitz constant of the gradient, λ_min the smallest eigenvalue and δ the radius   (E65).
 *
 * Differs from the paper: the value applies to the natural-gradient step only, and δ bounds the quadratic
 * approximation of the *mean* KL, not the largest KL. The value is therefore a prediction and not part of a
 * certificate.
 *
 * @throws DomainError if shapes differ, delta < 0 or epsilon < 0
 */
export function informationGain(
  { gradient, fisher, lipschitz }: FisherModel,
  { delta, epsilon }: InformationGainOptions,
): InformationGain {
  const where = 'informationGain';
  checkLength(where, 'rows of the Fisher matrix', gradient.length, fisher.length);
  checkFinite(where, 'gradient', gradient);
  checkRegularisation(where, delta, epsilon);
  const regularised = plusDiagonal(fisher, epsilon);
  const natural = solve(regularised, gradient);
  const quad = dot(gradient, natural);
  const kappa = Math.sqrt(Math.max(0, 2 * quad));
  const lambdaMin = symmetricEigenvalues(regularised)[0];
  const a = lipschitz / lambdaMin;
  const scale = quad > 0 ? Math.sqrt((2 * delta) / quad) : 0;
  return {
    kappa,
    a,
    lambdaMin,
    gain: kappa * Math.sqrt(delta) - a * delta,
    step: natural.map((x) => scale * x),
  };
}

/** Scores and raw advantages of N trajectories. */
export interface ScoreSample {
  /**
   * Score of each trajectory, the sum of the gradients of its log-probabilities, possibly projected [N][D].
   */
  readonly scores: Matrix;
  /** Advantages before any normalisation [N], reward units. */
  readonly advantages_N: ArrayLike<number>;
}

/** Result of {@link kappaFromScores}. */
export interface Kappa {
  /**
   * g = SᵀA/N: gradient estimated from the scores (rows of S, the gradients of the trajectories'
   * log-probabilities) and the advantages A of N trajectories [D].
   */
  readonly gradient: Float64Array;
  /**
   * gᵀ F_reg⁻¹ g, where g is the gradient, F_reg = SᵀS/N + εI the regularised Fisher matrix, and the rows of
   * S are the scores.
   */
  readonly quad: number;
  /** κ = sqrt(2 quad), the coefficient of sqrt(δ) in the predicted gain. */
  readonly kappa: number;
  /** F_reg⁻¹ g [D]. */
  readonly natural: Float64Array;
}

/**
 * How the natural gradient F_reg⁻¹ g is computed for N trajectories and D parameters: `direct` forms a D×D
 * matrix, `gram` an N×N matrix, `cg` (conjugate gradients) neither. All three give the same result.
 */
export type KappaRoute = 'direct' | 'gram' | 'cg';

/**
 * Computes κ, the coefficient of sqrt(δ) in the predicted gain, from scores: g = SᵀA/N, F = SᵀS/N, κ = sqrt(2
 * gᵀ(F + εI)⁻¹g). The rows of S are the scores of N trajectories, A their advantages, g the gradient and F
 * the Fisher matrix   (E65).
 *
 * With fewer trajectories than parameters (N < D) and ε → 0, gᵀ(F + εI)⁻¹g is mean(A²), so κ does not depend
 * on the scores. Use {@link crossFittedGain} for a valid estimate.
 *
 * @param route - default: the smaller of `direct` and `gram`
 * @throws DomainError if there are no trajectories, shapes differ or epsilon <= 0
 */
export function kappaFromScores(
  { scores, advantages_N }: ScoreSample,
  { epsilon, route }: { readonly epsilon: number; readonly route?: KappaRoute },
): Kappa {
  const where = 'kappaFromScores';
  const N = scores.length;
  if (N === 0) throw new DomainError(`${where}: expected at least 1 trajectory, got 0`);
  checkLength(where, 'advantages', N, advantages_N.length);
  checkFinite(where, 'advantages_N', advantages_N);
  checkPositive(where, 'epsilon', epsilon);
  for (const row of scores) checkLength(where, 'score entries', scores[0].length, row.length);
  const gradient = multiplyTransposed(scores, advantages_N).map((x) => x / N);
  const natural = naturalGradient(
    { scores, advantages_N },
    { gradient, epsilon, route: route ?? (scores[0].length <= N ? 'direct' : 'gram') },
  );
  const quad = dot(gradient, natural);
  return { gradient, quad, kappa: Math.sqrt(Math.max(0, 2 * quad)), natural };
}

function naturalGradient(
  { scores, advantages_N }: ScoreSample,
  {
    gradient,
    epsilon,
    route,
  }: { readonly gradient: Float64Array; readonly epsilon: number; readonly route: KappaRoute },
): Float64Array {
  const N = scores.length;
  switch (route) {
    case 'direct': {
      const D = gradient.length;
      const columns = Array.from({ length: D }, (_, d) => Float64Array.from(scores, (row) => row[d]));
      const fisher = columns.map((p) => Float64Array.from(columns, (q) => dot(p, q) / N));
      return solve(plusDiagonal(fisher, epsilon), gradient);
    }
    case 'gram': {
      const gram = scores.map((p) => Float64Array.from(scores, (q) => dot(p, q) / N));
      const weights = solve(plusDiagonal(gram, epsilon), advantages_N);
      return multiplyTransposed(scores, weights).map((x) => x / N);
    }
    case 'cg':
      return conjugateGradient(
        (v) => multiplyTransposed(scores, multiply(scores, v)).map((x, d) => x / N + epsilon * v[d]),
        gradient,
      );
    default:
      return route satisfies never;
  }
}

/** Result of {@link crossFittedGain}. */
export interface CrossFittedGain {
  /**
   * Predicted first-order gain κ sqrt(δ), computed from the half of the data that also determined the step;
   * too high on average.
   */
  readonly claimed: number;
  /**
   * Estimate g₂ᵀΔ of the first-order gain of the step Δ, with the gradient g₂ of the other half of the data;
   * unbiased.
   */
  readonly gain: number;
}

/**
 * Estimates the gain of a step without bias: the first half of the data gives the step Δ = sqrt(2δ/q₁)
 * F₁⁻¹g₁, the second half its gain g₂ᵀΔ. g₁ and g₂ are the gradients of the halves, F₁ the regularised Fisher
 * matrix of the first half, q₁ = g₁ᵀF₁⁻¹g₁ and δ the radius   (E65, cross-fitting).
 *
 * @param fit - half that determines the direction
 * @param heldOut - half that estimates the gain
 * @throws DomainError as for {@link kappaFromScores}, or if the scores of the halves differ in length
 */
export function crossFittedGain(
  fit: ScoreSample,
  heldOut: ScoreSample,
  { delta, epsilon }: InformationGainOptions,
): CrossFittedGain {
  checkRegularisation('crossFittedGain', delta, epsilon);
  const first = kappaFromScores(fit, { epsilon });
  const gradient2 = kappaGradient(heldOut);
  const scale = first.quad > 0 ? Math.sqrt((2 * delta) / first.quad) : 0;
  return { claimed: first.kappa * Math.sqrt(delta), gain: scale * dot(gradient2, first.natural) };
}

function kappaGradient({ scores, advantages_N }: ScoreSample): Float64Array {
  checkLength('crossFittedGain', 'advantages', scores.length, advantages_N.length);
  return multiplyTransposed(scores, advantages_N).map((x) => x / scores.length);
}

function plusDiagonal(matrix: Matrix, epsilon: number): Float64Array[] {
  return matrix.map((row, i) => {
    const copy = Float64Array.from(row);
    copy[i] += epsilon;
    return copy;
  });
}

function checkRegularisation(where: string, delta: number, epsilon: number): void {
  if (!(delta >= 0 && Number.isFinite(delta)))
    throw new DomainError(`${where}: expected delta >= 0, got ${delta}`);
  if (!(epsilon >= 0 && Number.isFinite(epsilon)))
    throw new DomainError(`${where}: expected epsilon >= 0, got ${epsilon}`);
}
