/**
 * An agent's update (procedure OPTIMIZE, E37) at a single state, with exact expectations: a softmax table is
 * trained with the trust-region state machine, with snapshot, restore and backtracking as in a training run.
 * @see docs/algorithm.md, E37, E38
 * @module
 */
import { type AdamWState, adamwStep, initialAdamW } from '../adamw.ts';
import { checkInteger, checkLength, checkPositive } from '../check.ts';
import { exactKl, logSoftmax } from '../divergence.ts';
import { decideAttempt, startTrustRegion } from '../trust-region.ts';

/** Logits before the update, and the advantage of each action. */
export interface OneStateProblem {
  /** Logits at the start of the update [V]. */
  readonly logits: ArrayLike<number>;
  /** Advantage A(a) of each action [V], reward units. */
  readonly advantages: ArrayLike<number>;
}

/** Options of the trust region and the optimizer. */
export interface OneStateOptions {
  /** δ: KL radius of the update, nats. */
  readonly targetKl: number;
  readonly beta: number;
  readonly learningRate: number;
  /**
   * Number of gradient steps per attempt. With one step, the coefficient beta of the KL penalty has no
   * effect, because the KL's gradient is 0 at the start.
   */
  readonly innerSteps: number;
  readonly maxBacktracks: number;
  readonly optimizer: 'adamw' | 'sgd';
  /** ε: the likelihood ratio is clipped to 1 ± ε. Default 0.2. */
  readonly epsilon?: number;
}

/** One attempt at the update and its decision. */
export interface OneStateAttempt {
  readonly attempt: number;
  readonly beta: number;
  readonly lrScale: number;
  /** KL(new‖old) after the attempt's steps, nats. */
  readonly kl: number;
  readonly accepted: boolean;
}

/** Result of {@link optimizeOneState}. */
export interface OneStateResult {
  readonly trace: readonly OneStateAttempt[];
  readonly status: 'accepted' | 'rejected';
  /** Final logits [V]; after a rejection exactly the initial ones. */
  readonly logits: Float64Array;
  /** Optimizer state after the update; after a rejection the initial one. */
  readonly adamw: AdamWState;
  readonly betaNext: number;
  /** Increase of the expected advantage, ⟨π_new − π_old, A⟩, reward units; 0 after a rejection. */
  readonly gain: number;
}

/**
 * Maximizes the clipped objective f = Σ_a old(a) min(r_a A_a, clip(r_a) A_a) − β KL(new‖old) by gradient
 * ascent with backtracking. r_a is the likelihood ratio new/old of action a, A_a its advantage and β the
 * coefficient of the KL penalty. An update is accepted only if its KL lies within the radius   (E37, E38).
 *
 * @throws DomainError if shapes differ or an option is out of range
 */
export function optimizeOneState(
  { logits, advantages }: OneStateProblem,
  options: OneStateOptions,
): OneStateResult {
  const where = 'optimizeOneState';
  checkLength(where, 'advantages', logits.length, advantages.length);
  checkPositive(where, 'learningRate', options.learningRate);
  checkInteger(where, 'innerSteps', options.innerSteps, 1);
  const start = { logits: Float64Array.from(logits), adamw: initialAdamW(logits.length) };
  const trace: OneStateAttempt[] = [];
  let state = startTrustRegion(options, options.beta);
  for (;;) {
    const { attempt, beta, lrScale } = state;
    const learningRate = options.learningRate * lrScale;
    const tried = ascend(start, { advantages, beta, options: { ...options, learningRate } });
    const { klNewOld: kl, tv } = exactKl(tried.logits, logits);
    const decision = decideAttempt(state, {
      klQuantile: kl,
      klMean: kl,
      klMax: kl,
      klMessageMean: kl,
      tvMean: tv,
    });
    trace.push({ attempt, beta, lrScale, kl, accepted: decision.kind === 'accepted' });
    if (decision.kind === 'retry') {
      state = decision.next;
      continue;
    }
    const kept = decision.kind === 'accepted' ? tried : start;
    const gain = expectedUnder(kept.logits, advantages) - expectedUnder(start.logits, advantages);
    return { trace, status: decision.kind, ...kept, betaNext: decision.betaNext, gain };
  }
}

interface Weights {
  readonly logits: Float64Array;
  readonly adamw: AdamWState;
}

/** Takes the steps of one attempt, from the state before the update; that state is not modified. */
function ascend(
  start: Weights,
  {
    advantages,
    beta,
    options,
  }: { readonly advantages: ArrayLike<number>; readonly beta: number; readonly options: OneStateOptions },
): Weights {
  let { logits, adamw } = start;
  const { learningRate, epsilon = 0.2 } = options;
  for (let step = 0; step < options.innerSteps; step++) {
    const slope = objectiveGradient(logits, start.logits, { advantages, beta, epsilon });
    const descent = slope.map((x) => -x);
    if (options.optimizer === 'sgd') logits = logits.map((z, v) => z - learningRate * descent[v]);
    else ({ parameters: logits, state: adamw } = adamwStep(adamw, logits, descent, { learningRate }));
  }
  return { logits, adamw };
}

/**
 * Returns the gradient of the objective, ∂f/∂z = Σ_a gate_a new(a) A_a (e_a − new) − β ∂KL(new‖old)/∂z. z are
 * the logits, gate_a is 0 if the clip is active for action a and 1 otherwise, and e_a is the unit vector.
 */
function objectiveGradient(
  logits: Float64Array,
  logitsOld: Float64Array,
  {
    advantages,
    beta,
    epsilon,
  }: { readonly advantages: ArrayLike<number>; readonly beta: number; readonly epsilon: number },
): Float64Array {
  const logpNew = logSoftmax(logits);
  const logpOld = logSoftmax(logitsOld);
  const p = logpNew.map(Math.exp);
  const credit = p.map((probability, a) => {
    const ratio = Math.exp(logpNew[a] - logpOld[a]);
    const clipped = Math.max(1 - epsilon, Math.min(1 + epsilon, ratio));
    return ratio * advantages[a] <= clipped * advantages[a] ? probability * advantages[a] : 0;
  });
  const total = credit.reduce((sum, x) => sum + x, 0);
  const { gradNewOld } = exactKl(logits, logitsOld);
  return credit.map((x, a) => x - p[a] * total - beta * gradNewOld[a]);
}

function expectedUnder(logits: Float64Array, advantages: ArrayLike<number>): number {
  return logSoftmax(logits).reduce((sum, logp, a) => sum + Math.exp(logp) * advantages[a], 0);
}
