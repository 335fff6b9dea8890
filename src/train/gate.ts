/**
 * The acceptance tests of a run (called gate 2; gate 1 is the trust region), in two modes. `promotion`: every
 * few stages the current team is tested against the champion, the last team that was proved to be better. The
 * current team becomes the champion if the test proves that it is better. With probability at least 1 - alpha
 * over the run, every champion is better than its predecessor. `step`: every single update is tested.
 * Differs from the paper, whose lower bound on the gain (E50) can never be positive at a discount factor
 * gamma >= 1/2 (E51).
 * @module
 */
import { alphaSpending } from '../core/acceptance.ts';
import type { SnapshotId } from '../engine/engine.ts';
import type { Agent, Team } from '../team/team.ts';
import type { RunContext } from './context.ts';
import type { GateRecord } from './events.ts';
import { type PairedTestResult, pairedTest } from './paired-test.ts';
import { snapshotOf, snapshotTeam, type TeamSnapshot } from './team-snapshot.ts';

/** A rollback to the champion multiplies the KL limit (radius) of every trust region by this factor. */
const RADIUS_SHRINK = 0.5;

/** The team in training, and the champion: the last promoted team, which is deployed. */
export interface TeamAndChampion {
  readonly team: Team;
  readonly champion: TeamSnapshot;
}

/**
 * Tests the current team against the champion. If the test proves a gain, the team becomes the champion. If
 * it proves a loss larger than `gate.tolerance`, the champion's weights are restored and the KL limits of all
 * trust regions are halved. Otherwise nothing changes. The k-th test has the error probability alpha_k =
 * alpha 6 / (pi^2 k^2); their sum is at most alpha (E64).
 */
export async function testCandidate(
  context: RunContext,
  stage: number,
  { team, champion }: TeamAndChampion,
): Promise<TeamAndChampion & { readonly decision: GateRecord['decision'] }> {
  const { state, options } = context;
  if (isExhausted(context, stage)) return { team, champion, decision: 'keep' };
  const index = ++state.gate.tests;
  const alpha = alphaSpending(options.gate.alpha, index);
  const candidate = await snapshotTeam(team);
  const result = await pairedTest(context, { old: champion, new: candidate }, { stage, index, alpha });
  const decision = ({ better: 'promote', harm: 'rollback', undecided: 'keep' } as const)[result.verdict];
  context.emit({ kind: 'gate', stage, ...recordOf('promotion', { index, alpha, result, decision }) });
  warnIfExhausted(context, stage);
  switch (decision) {
    case 'promote':
      state.gate.promotions++;
      await candidate.load();
      await champion.release();
      return { team, champion: candidate, decision };
    case 'keep':
      await candidate.load();
      await candidate.release();
      return { team, champion, decision };
    case 'rollback':
      state.gate.rollbacks++;
      state.gate.radiusScale *= RADIUS_SHRINK;
      await candidate.release();
      return { ...(await rollBack(champion, team)), decision };
    default:
      return decision satisfies never;
  }
}

/**
 * Continues training from the champion's weights. If the champion was loaded into separate models, these
 * replace the team's models, which are closed.
 */
async function rollBack(champion: TeamSnapshot, team: Team): Promise<TeamAndChampion> {
  await champion.load();
  if (champion.team === team) return { team, champion };
  for (const { model } of team.agents) await model.close();
  return { team: champion.team, champion: await snapshotTeam(champion.team) };
}

/**
 * Tests whether one agent's update is an improvement (ACCEPT_TEST of RUN_STAGE). In stage k the test of each
 * of the n agents has the error probability alpha 6 / (pi^2 k^2) / n (E64). After the call the model has its
 * updated weights, also if the test rejects them.
 *
 * @param agent - the updated agent
 * @param before - snapshot S0 of the agent's model before the update
 */
export async function testUpdate(
  context: RunContext,
  stage: number,
  { team, agent, before }: { readonly team: Team; readonly agent: Agent; readonly before: SnapshotId },
): Promise<boolean> {
  if (isExhausted(context, stage)) return false;
  const { state, options } = context;
  const index = ++state.gate.tests;
  const alpha = alphaSpending(options.gate.alpha, stage, team.agents.length);
  const updated = await snapshotTeam(team, [agent]);
  const pair = { old: snapshotOf(team, new Map([[agent, before]])), new: updated };
  const result = await pairedTest(context, pair, { stage, index, alpha });
  const accepted = result.verdict === 'better';
  const decision = accepted ? 'promote' : 'rollback';
  context.emit({ kind: 'gate', stage, ...recordOf('step', { index, alpha, result, decision }) });
  warnIfExhausted(context, stage);
  if (accepted) state.gate.promotions++;
  await updated.load();
  await updated.release();
  return accepted;
}

/**
 * Returns whether no validation prompt is left. A prompt is used by one test only, because a second use would void the
 * bound alpha on the probability of a false acceptance.
 */
function isExhausted(context: RunContext, stage: number): boolean {
  warnIfExhausted(context, stage);
  return context.state.gate.exhausted;
}

/**
 * Emits a warning once no validation prompt is left for a further test. About a split without a prompt that fits, the start
 * of the run has warned.
 */
function warnIfExhausted({ prompts, state, emit, options }: RunContext, stage: number): void {
  if (prompts.validation.remaining !== 0) return;
  if (!state.gate.exhausted && prompts.validation.position > 0 && stage < options.stages)
    emit({
      kind: 'warning',
      stage,
      message: `the validation split is exhausted after ${prompts.validation.position} prompts; no further gain can be proved`,
    });
  state.gate.exhausted = true;
}

function recordOf(
  gate: GateRecord['gate'],
  {
    index,
    alpha,
    result: { prompts, wealth, harmWealth, meanDifference, path },
    decision,
  }: Pick<GateRecord, 'index' | 'alpha' | 'decision'> & { readonly result: PairedTestResult },
): GateRecord {
  return { gate, index, alpha, prompts, wealth, harmWealth, meanDifference, path, decision };
}
