/**
 * Finite episodes with γ = 1 and one active agent per turn, the setting of teams of language models. An
 * update of an agent shifts the state distribution. The error of the agent's surrogate gain comes only from
 * this shift at the agent's own later turns.
 * @see docs/algorithm.md, E7, E57–E59
 * @module
 */
import { checkDistribution, checkLength } from '../check.ts';
import { stateDivergence } from '../divergence.ts';
import { DomainError } from '../errors.ts';
import { dot, multiply } from '../linear.ts';
import { coupledHorizonPenalty, horizonPenalty } from '../penalty.ts';

/** An episode of H turns over S states; time is part of the state. */
export interface Episode {
  /**
   * Transition probability P(s′ | s, a) from turn t to t+1 [H−1][S][actions][S]; further entries are ignored.
   */
  readonly transition: readonly (readonly (readonly ArrayLike<number>[])[])[];
  /** Reward r(s, a) at turn t [H][S][actions], reward units. */
  readonly reward: readonly (readonly ArrayLike<number>[])[];
  /** Distribution of the first state [S]. */
  readonly initial: ArrayLike<number>;
  /** Active agent of each turn [H]. */
  readonly turn: readonly number[];
}

/**
 * Distribution over actions for each turn and state [H][S][actions]. At turn t it is the policy of the active
 * agent.
 */
export type EpisodePolicy = readonly (readonly ArrayLike<number>[])[];

/** Exact values of a policy. */
export interface EpisodeEvaluation {
  /** Expected return J = E[Σ_t r_t], reward units. */
  readonly objective: number;
  /** d_t: distribution of the state at each turn t [H][S]. */
  readonly law: readonly Float64Array[];
  /** Q_t(s, a): value of each action at each turn and state [H][S][actions], reward units. */
  readonly q: readonly (readonly Float64Array[])[];
  /** V_t(s): value of each state at each turn [H][S], reward units. */
  readonly value: readonly Float64Array[];
}

/**
 * Computes the exact values of a policy: value V_t = E_π[Q_t], action value Q_t = r_t + P V_{t+1}, and state
 * distribution d_{t+1} = d_t P_π, where r is the reward and P the transition   (E7).
 *
 * @throws DomainError if shapes do not fit or a row is not a distribution
 */
export function evaluateEpisode(episode: Episode, policy: EpisodePolicy): EpisodeEvaluation {
  checkEpisode(episode, policy);
  const { transition, reward, initial } = episode;
  const H = reward.length;
  const q: Float64Array[][] = new Array(H);
  const value: Float64Array[] = new Array(H);
  for (let t = H - 1; t >= 0; t--) {
    q[t] = reward[t].map((row, s) => {
      const future = t + 1 < H ? multiply(transition[t][s], value[t + 1]) : undefined;
      return Float64Array.from(row, (r, a) => r + (future ? future[a] : 0));
    });
    value[t] = Float64Array.from(q[t], (row, s) => dot(row, policy[t][s]));
  }
  const law = [Float64Array.from(initial)];
  for (let t = 0; t + 1 < H; t++) {
    const next = new Float64Array(initial.length);
    transition[t].forEach((rows, s) => {
      rows.forEach((row, a) => {
        for (let k = 0; k < next.length; k++) next[k] += law[t][s] * policy[t][s][a] * row[k];
      });
    });
    law.push(next);
  }
  return { objective: dot(initial, value[0]), law, q, value };
}

/**
 * Effect of a change of one agent, reward units. TVs (total variations between old and new policy) have one
 * entry for each of the agent's m turns, in execution order [m].
 */
export interface EpisodeChange {
  readonly objectiveOld: number;
  readonly objectiveNew: number;
  /**
   * Surrogate gain L_i = Σ_t E_{d_t, a~new}[A_t] over the agent's turns t, with the state distribution d_t
   * and the advantage A_t of the old policy.
   */
  readonly surrogate: number;
  readonly law: readonly Float64Array[];
  readonly ownTvMax: Float64Array;
  readonly ownTvMean: Float64Array;
  /** Largest range of the action values, max_a Q − min_a Q, over all turns and states. */
  readonly span: number;
  /**
   * Largest range of the action values, max_a Q − min_a Q, over the states at the agent's own turns; at most
   * `span`. The bound E58 needs only this value.
   */
  readonly ownSpan: number;
  /**
   * Two bounds on |ΔJ − L|, the difference between true and surrogate gain (E58 and E59), computed with
   * `span`. Both are 0 if the agent has at most one turn.
   */
  readonly penalty: number;
  readonly coupledPenalty: number;
}

/**
 * Computes the true gain ΔJ_i of a change of one agent, its surrogate gain L_i and the bounds on their
 * difference   (E57, E58, E59).
 *
 * @param policies - `old` and `new`; they may differ at the agent's turns only
 * @param agent - id of the changed agent
 * @throws DomainError if shapes do not fit, or `new` differs at another agent's turn
 */
export function episodeChange(
  episode: Episode,
  policies: { readonly old: EpisodePolicy; readonly new: EpisodePolicy },
  agent: number,
): EpisodeChange {
  const before = evaluateEpisode(episode, policies.old);
  const after = evaluateEpisode(episode, policies.new);
  const ownTvMax: number[] = [];
  const ownTvMean: number[] = [];
  let surrogate = 0;
  let span = 0;
  let ownSpan = 0;
  episode.turn.forEach((active, t) => {
    const spread = before.q[t].reduce((max, row) => Math.max(max, Math.max(...row) - Math.min(...row)), 0);
    span = Math.max(span, spread);
    const tv = Float64Array.from(
      policies.old[t],
      (row, s) => stateDivergence(logOf(policies.new[t][s]), logOf(row)).tv,
    );
    if (active !== agent) {
      if (tv.some((x) => x > 0))
        throw new DomainError(
          `episodeChange: expected agent ${agent} alone to change, got a change at turn ${t}`,
        );
      return;
    }
    ownTvMax.push(tv.reduce((a, b) => Math.max(a, b), 0));
    ownTvMean.push(dot(before.law[t], tv));
    before.q[t].forEach((row, s) => {
      surrogate += before.law[t][s] * (dot(policies.new[t][s], row) - before.value[t][s]);
    });
    ownSpan = Math.max(ownSpan, spread);
  });
  const own = { span, tvMax: Float64Array.from(ownTvMax), tvMean: Float64Array.from(ownTvMean) };
  return {
    objectiveOld: before.objective,
    objectiveNew: after.objective,
    surrogate,
    law: before.law,
    ownTvMax: own.tvMax,
    ownTvMean: own.tvMean,
    span,
    ownSpan,
    penalty: horizonPenalty(own),
    coupledPenalty: coupledHorizonPenalty(own),
  };
}

/**
 * Returns the value of each action for an agent that observes only o(s): score(o, a) = Σ_{s: o(s) = o} d(s)
 * Q(s, a), where d is a state distribution.
 *
 * A step along the scores increases the expected return J if d is the state distribution of the team after
 * the preceding updates. If d is the state distribution at the start of the stage, the step can decrease J
 * (example G2).
 *
 * @param law - d: distribution of the state at the turn [S]
 * @param q - Q: value of each action at the turn [S][actions], reward units
 * @param observation - o(s), 0..O−1 [S]
 * @returns scores [O][actions], reward units; not divided by P(o), which has no influence on the direction
 */
export function observedScores(
  law: ArrayLike<number>,
  q: readonly ArrayLike<number>[],
  observation: readonly number[],
): Float64Array[] {
  checkLength('observedScores', 'states of Q', law.length, q.length);
  checkLength('observedScores', 'observations', law.length, observation.length);
  const scores = Array.from({ length: Math.max(...observation) + 1 }, () => new Float64Array(q[0].length));
  q.forEach((row, s) => {
    for (let a = 0; a < row.length; a++) scores[observation[s]][a] += law[s] * row[a];
  });
  return scores;
}

function checkEpisode({ transition, reward, initial, turn }: Episode, policy: EpisodePolicy): void {
  const where = 'Episode';
  const H = reward.length;
  const S = initial.length;
  checkDistribution(where, 'initial', initial);
  checkLength(where, 'active agents', H, turn.length);
  checkLength(where, 'policy turns', H, policy.length);
  if (transition.length < H - 1)
    throw new DomainError(`${where}: expected transitions after ${H - 1} turns, got ${transition.length}`);
  policy.forEach((rows, t) => {
    checkLength(where, `reward states at turn ${t}`, S, reward[t].length);
    checkLength(where, `policy states at turn ${t}`, S, rows.length);
    rows.forEach((row, s) => {
      checkLength(where, `actions at turn ${t}, state ${s}`, reward[t][s].length, row.length);
      checkDistribution(where, `policy[${t}][${s}]`, row);
      transition[t]?.[s].forEach((next, a) => {
        checkLength(where, `next states at turn ${t}`, S, next.length);
        checkDistribution(where, `transition[${t}][${s}][${a}]`, next);
      });
    });
  });
}

function logOf(p_V: ArrayLike<number>): Float64Array {
  return Float64Array.from(p_V, Math.log);
}
