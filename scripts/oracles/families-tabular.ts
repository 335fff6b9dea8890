/**
 * Adapters that compute the oracle families of exact worlds: evaluation, stages, games, episodes, swaps
 * (F22–F26, F31).
 * @module
 */
import { projectOntoTrustRegion, swapCovariance } from '../../src/core/projection.ts';
import { episodeChange } from '../../src/core/tabular/episode.ts';
import { agentAdvantage, evaluateTeam, surrogateGain } from '../../src/core/tabular/evaluate.ts';
import { checkedMdp, type TeamMdp, type TeamPolicy } from '../../src/core/tabular/mdp.ts';
import { jointTvMax } from '../../src/core/tabular/policy-change.ts';
import { runExactStage, simultaneousUpdate } from '../../src/core/tabular/stage.ts';
import { binaryTeam, matrixGame, staleOccupancyStage } from '../../src/core/tabular/worlds.ts';
import type { Adapter, CaseInput } from './input.ts';

export const tabularAdapters: Readonly<Record<string, Adapter>> = {
  F22_tabular_eval: (input) => {
    const { mdp, policies } = worldOf(input);
    const evaluation = evaluateTeam(mdp, policies);
    return {
      V: evaluation.value,
      d: evaluation.occupancy,
      J: evaluation.objective,
      A_max: evaluation.aMax,
      A_agent0: agentAdvantage(mdp, policies, { agent: 0, evaluation }),
    };
  },
  F23_tabular_stage: tabularStage,
  F24_simultaneous: (input) => {
    const reward = input.rows('reward');
    const [p, q, delta] = [input.number('p'), input.number('q'), input.number('delta')];
    const game = matrixGame(reward);
    const start = binaryTeam(p, q);
    const deltas = [delta, delta];
    const together = simultaneousUpdate(game, start, deltas);
    const forward = runExactStage(game, start, { order: [0, 1], deltas });
    return {
      reward,
      p_agent0_action1: p,
      p_agent1_action1: q,
      delta,
      J0: forward.objective[0],
      J_simultaneous: evaluateTeam(game, together).objective,
      sim_p: together.map((policy) => policy[0][1]),
      J_seq_step1: forward.objective[1],
      J_seq_step2: forward.objective[2],
      seq_p: forward.policies.map((policy) => policy[0][1]),
      J_seq_reverse: runExactStage(game, start, { order: [1, 0], deltas }).objective,
    };
  },
  F25_stale_occupancy: (input) => {
    const [p1, b, bonus] = [input.number('p1'), input.number('b'), input.number('bonus')];
    const deltas = [input.number('d1'), input.number('d2')] as const;
    const outcome = staleOccupancyStage({ p1, b, bonus, deltas });
    return {
      p1,
      b,
      bonus,
      delta0: deltas[0],
      delta1: deltas[1],
      J0: outcome.objective,
      P1_after: outcome.p1After,
      J_after_agent0: outcome.objectiveAfterAgent0,
      b_stale: outcome.bStale,
      J_stale: outcome.objectiveStale,
      b_intermediate: outcome.bIntermediate,
      J_intermediate: outcome.objectiveIntermediate,
    };
  },
  F26_finite_horizon: (input) => {
    const change = episodeChange(
      {
        transition: input.tensors('P'),
        reward: input.tables('r'),
        initial: input.numbers('mu'),
        turn: input.numbers('turn'),
      },
      { old: input.tables('old'), new: input.tables('new') },
      input.number('agent'),
    );
    return {
      J_old: change.objectiveOld,
      J_new: change.objectiveNew,
      L: change.surrogate,
      d: change.law,
      own_tv_max: change.ownTvMax,
      own_tv_mean: change.ownTvMean,
      span: change.span,
      pen_mean: change.penalty,
      pen_coupled: change.coupledPenalty,
    };
  },
  F31_pnp_coordination: (input) => {
    const game = matrixGame(input.rows('reward'));
    const [old, pre] = [input.numbers('cur'), input.numbers('pre')];
    const objective = (first: ArrayLike<number>, second: ArrayLike<number>) =>
      evaluateTeam(game, [[first], [second]]).objective;
    const team: TeamPolicy = [[old], [old]];
    const evaluation = evaluateTeam(game, team);
    const { pi, w } = projectOntoTrustRegion(pre, old, input.number('delta0'));
    return {
      J_team: evaluation.objective,
      J_pre_selfplay: objective(pre, pre),
      J_raw_swap: objective(pre, old),
      w,
      J_after_stage0: objective(pi, old),
      cov: swapCovariance({
        occupancy_S: evaluation.occupancy,
        old_S: [old],
        pre_S: [pre],
        advantage_S: agentAdvantage(game, team, { agent: 0, evaluation }),
      }),
    };
  },
};

function tabularStage(input: CaseInput): unknown {
  const { mdp, policies: start } = worldOf(input);
  const deltas = input.numbers('deltas');
  const { objective, steps, policies } = runExactStage(mdp, start, { order: input.numbers('order'), deltas });
  return {
    J: objective,
    steps: steps.map((step) => ({
      agent: step.agent,
      J_before: step.objectiveBefore,
      J_after: step.objectiveAfter,
      L_seq: step.surrogate,
      A_max: step.aMax,
      kl_max: step.klMax,
      tv_max: step.tvMax,
      tv_mean: step.tvMean,
      f_inf: step.fMax,
      lb_paper: step.lowerPaper,
      lb_trpo: step.lowerTrpo,
      lb_trpo_tight: step.lowerSharp,
      lb_cpo: step.lowerExpectedTv,
    })),
    final_policies: policies,
    J_simultaneous: evaluateTeam(mdp, simultaneousUpdate(mdp, start, deltas)).objective,
    hatrpo_L_joint: surrogateGain(mdp, evaluateTeam(mdp, start), policies),
    hatrpo_tv_joint_max: jointTvMax(mdp, start, policies),
  };
}

/**
 * Reads the MDP and the policies of a case. P and r are nested by the agents' actions, the first agent
 * outermost.
 */
function worldOf(input: CaseInput): { readonly mdp: TeamMdp; readonly policies: TeamPolicy } {
  const policies = input.tables('policies');
  const initial = input.numbers('mu');
  const agents = policies.length;
  const mdp = checkedMdp({
    actions: policies.map((policy) => policy[0].length),
    transition: input.flattened('P', agents + 1).map((flat) => chunks(flat, initial.length)),
    reward: input.flattened('r', agents),
    initial,
    gamma: input.number('gamma'),
  });
  return { mdp, policies };
}

function chunks(flat: readonly number[], size: number): number[][] {
  return Array.from({ length: flat.length / size }, (_, i) => flat.slice(i * size, (i + 1) * size));
}
