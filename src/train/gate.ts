/**
 * The two ways to use the acceptance test. `promotion`: gains accumulate until they can be proved; the
 * champion is the last team proved better, and with probability 1 - alpha over the whole run every
 * champion is better than the one before. `step`: every single update must prove itself.
 * Differs from the paper, whose certificate can never be positive at gamma >= 1/2 (E51).
 * @module
 */
import { alphaSpending } from '../core/acceptance.ts';
import type { SnapshotId } from '../engine/engine.ts';
import type { Agent, Team } from '../team/team.ts';
import type { RunContext } from './context.ts';
import type { GateRecord } from './events.ts';
import { type PairedTestResult, pairedTest } from './paired-test.ts';
import { snapshotOf, snapshotTeam, type TeamSnapshot } from './team-snapshot.ts';

/** Factor on every radius after a roll-back. */
const RADIUS_SHRINK = 0.5;

/** What a run trains and what it would deploy. */
export interface TeamAndChampion {
  readonly team: Team;
  readonly champion: TeamSnapshot;
}

/**
 * Tests the team as it is now against the champion and acts on the verdict: a proved gain makes it the
 * champion; proved harm beyond `gate.tolerance` puts the champion's weights back and halves every radius;
 * otherwise both stay. The k-th test spends alpha_k = alpha 6 / (pi^2 k^2), at most alpha in all   (E64).
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
      return { ...(await adopt(champion, team)), decision };
    default:
      return decision satisfies never;
  }
}

/** Goes on training from the champion; one with models of its own takes the place of the team. */
async function adopt(champion: TeamSnapshot, team: Team): Promise<TeamAndChampion> {
  await champion.load();
  if (champion.team === team) return { team, champion };
  for (const { model } of team.agents) await model.close();
  return { team: champion.team, champion: await snapshotTeam(champion.team) };
}

/**
 * ACCEPT_TEST of RUN_STAGE: whether one agent's update is proved better. The k-th stage spends
 * alpha 6 / (pi^2 k^2) / n on each of n agents   (E64). The updated weights are in place afterwards.
 *
 * @param agent - just updated
 * @param before - its S0
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
  const contest = { old: snapshotOf(team, new Map([[agent, before]])), new: updated };
  const result = await pairedTest(context, contest, { stage, index, alpha });
  const accepted = result.verdict === 'better';
  const decision = accepted ? 'promote' : 'rollback';
  context.emit({ kind: 'gate', stage, ...recordOf('step', { index, alpha, result, decision }) });
  if (accepted) state.gate.promotions++;
  await updated.load();
  await updated.release();
  return accepted;
}

/** Says once when no validation prompt is left: a second use would void the guarantee. */
function isExhausted({ prompts, state, emit }: RunContext, stage: number): boolean {
  if (prompts.validation.remaining !== 0) return false;
  if (!state.gate.exhausted)
    emit({
      kind: 'warning',
      stage,
      message: `the validation split ran out after ${prompts.validation.position} prompts; nothing can be proved better from here on`,
    });
  state.gate.exhausted = true;
  return true;
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
