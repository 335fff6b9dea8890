/**
 * AdamW on plain arrays. The tabular engine trains with it, and tests compare the optimizers of the other
 * engines to it.
 * @see Loshchilov and Hutter, "Decoupled weight decay regularization", arXiv 1711.05101
 * @module
 */
import { checkLength } from './check.ts';

/** Hyperparameters of {@link adamwStep}. */
export interface AdamWOptions {
  readonly learningRate: number;
  /** Default 0.9. */
  readonly beta1?: number;
  /** Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** Decoupled weight decay: θ shrinks by learningRate · weightDecay before the step. Default 0. */
  readonly weightDecay?: number;
}

/**
 * Optimizer state: first moments m [D], second moments v [D] and the number t of steps taken. A snapshot
 * contains all three.
 */
export interface AdamWState {
  readonly m: Float64Array;
  readonly v: Float64Array;
  readonly t: number;
}

/** Returns the state before the first step for D parameters: moments 0, step 0. */
export function initialAdamW(D: number): AdamWState {
  return { m: new Float64Array(D), v: new Float64Array(D), t: 0 };
}

/**
 * Takes one AdamW step on the parameters θ with the gradient g: m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², θ ← (1
 * − lr·wd) θ − lr · m̂ / (√v̂ + ε), with m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ).
 *
 * The inputs are not modified. The old parameters and state therefore serve as a snapshot, which a caller
 * restores by using them again (E37).
 *
 * @param parameters_D - θ [D]
 * @param gradient_D - gradient of the *loss*, so the step descends [D]
 * @returns new parameters and state
 * @throws DomainError if lengths differ
 */
export function adamwStep(
  state: AdamWState,
  parameters_D: ArrayLike<number>,
  gradient_D: ArrayLike<number>,
  { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 }: AdamWOptions,
): { readonly parameters: Float64Array; readonly state: AdamWState } {
  const D = state.m.length;
  checkLength('adamwStep', 'parameters', D, parameters_D.length);
  checkLength('adamwStep', 'gradient entries', D, gradient_D.length);
  const t = state.t + 1;
  const m = new Float64Array(D);
  const v = new Float64Array(D);
  const parameters = new Float64Array(D);
  for (let d = 0; d < D; d++) {
    m[d] = beta1 * state.m[d] + (1 - beta1) * gradient_D[d];
    v[d] = beta2 * state.v[d] + (1 - beta2) * gradient_D[d] ** 2;
    const direction = m[d] / (1 - beta1 ** t) / (Math.sqrt(v[d] / (1 - beta2 ** t)) + epsilon);
    parameters[d] = parameters_D[d] * (1 - learningRate * weightDecay) - learningRate * direction;
  }
  return { parameters, state: { m, v, t } };
}
