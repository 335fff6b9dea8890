/**
 * The acceptance test: tests whether the new team is better than the old one, on prompts that no loss, no
 * update order and no earlier test has used. Both teams answer the same prompts with the same random streams.
 * A betting test (E64) observes the differences of rewards one prompt at a time and stops as soon as it can
 * decide. A second, mirrored test detects that the new team is worse.
 * @see Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS-B 2024
 * @module
 */
import { type BettingTest, createBettingTest } from '../core/acceptance.ts';
import { mean } from '../core/stats.ts';
import { progressOf, type RunContext } from './context.ts';
import { playEpisodes } from './episodes.ts';
import type { GateRecord } from './events.ts';
import { trainStream } from './streams.ts';
import type { TeamSnapshot } from './team-snapshot.ts';

/**
 * Number of prompts per rollout: large enough for efficient batches, small enough that a test that stops
 * early saves work.
 */
const PROMPTS_AT_ONCE = 32;

type Side = 'old' | 'new';

/** The two teams of a test. */
export interface TeamPair {
  /** The champion (the last promoted team), or the team before the tested update. */
  readonly old: TeamSnapshot;
  /** The team that is tested; the models have its weights when the test begins. */
  readonly new: TeamSnapshot;
}

export interface PairedTestSettings {
  readonly stage: number;
  /** Number of the test, unique within the run; part of the names of its random streams. */
  readonly index: number;
  /**
   * Bound on the probability of a false verdict `better`: this test's share of the bound for the whole run.
   */
  readonly alpha: number;
}

export interface PairedTestResult {
  /** Number of prompts that the test used; 0 if the validation split had none left. */
  readonly prompts: number;
  /**
   * Final wealth (evidence) of the betting test against the hypothesis that the mean reward difference
   * E[new - old] is <= 0. It starts at 1; the verdict is `better` if it reaches 1/alpha.
   */
  readonly wealth: number;
  /**
   * Final wealth (evidence) of the betting test against the hypothesis that the mean reward loss E[old - new]
   * is <= `gate.tolerance`. Stays 1 if the tolerance is at least the span of the reward range, because then
   * no loss can exceed it.
   */
  readonly harmWealth: number;
  /** Mean of the new team's reward minus the old team's reward, reward units; 0 without prompts. */
  readonly meanDifference: number;
  /** Wealth of both betting tests after some of the prompts; see `GateRecord.path`. */
  readonly path: NonNullable<GateRecord['path']>;
  readonly verdict: 'better' | 'harm' | 'undecided';
}

/**
 * Tests the reward difference D = R_new - R_old with one episode per prompt and team. Verdict `better`: the
 * wealth (evidence) against E[D] <= 0 reached 1/alpha. `harm`: the wealth against E[-D] <= tolerance reached
 * 1/alpha. `undecided`: neither wealth reached 1/alpha within `gate.nPlan` prompts or the rest of the
 * validation split (E64).
 *
 * If E[D] <= 0, the probability of `better` is at most alpha, for any stopping time. After the call the
 * models may have the weights of either team.
 */
export async function pairedTest(
  context: RunContext,
  pair: TeamPair,
  settings: PairedTestSettings,
): Promise<PairedTestResult> {
  const { nPlan, tolerance } = context.options.gate;
  const plan = Math.min(nPlan, context.prompts.validation.remaining ?? nPlan);
  const onProgress = progressOf(context, { stage: settings.stage }, 'gate');
  const differences: number[] = [];
  const path: [number, number, number][] = [];
  let wealth = 1;
  let harmWealth = 1;
  const end = (verdict: PairedTestResult['verdict']): PairedTestResult => ({
    prompts: differences.length,
    wealth,
    harmWealth,
    meanDifference: differences.length === 0 ? 0 : mean(differences),
    path: thinned(
      path.at(-1)?.[0] === differences.length
        ? path
        : [...path, [differences.length, rounded(wealth), rounded(harmWealth)]],
    ),
    verdict,
  });
  if (plan === 0) return { ...end('undecided'), path: [] };

  const { better, harm } = bettingTests(context, settings.alpha, plan);
  let loaded: Side = 'new';
  while (differences.length < plan) {
    onProgress(differences.length, plan);
    const count = Math.min(PROMPTS_AT_ONCE, plan - differences.length);
    const order: readonly [Side, Side] = loaded === 'new' ? ['new', 'old'] : ['old', 'new'];
    const batch = await batchDifferences(context, pair, {
      ...settings,
      order,
      from: differences.length,
      count,
    });
    loaded = order[1];
    for (const difference of batch) {
      differences.push(difference);
      const forward = better.observe(difference);
      wealth = forward.wealth;
      if (forward.decided === 'accept') return end('better');
      const mirrored = harm?.observe(-difference - tolerance);
      harmWealth = mirrored?.wealth ?? harmWealth;
      if (mirrored?.decided === 'accept') return end('harm');
      path.push([differences.length, rounded(wealth), rounded(harmWealth)]);
    }
  }
  return end('undecided');
}

/** Maximum number of points of a recorded wealth path, not counting the last point. */
const PATH_STEPS = 64;

/** Returns the last point and at most 64 evenly spaced earlier ones, including the first. */
function thinned<T>(path: readonly T[]): T[] {
  const every = Math.ceil((path.length - 1) / PATH_STEPS);
  return path.filter((_, k) => k === path.length - 1 || k % every === 0);
}

/** Rounds to four significant digits, enough for charts. */
function rounded(wealth: number): number {
  return Number(wealth.toPrecision(4));
}

function bettingTests(
  { task, options }: RunContext,
  alpha: number,
  nPlan: number,
): { readonly better: BettingTest; readonly harm: BettingTest | undefined } {
  const span = task.rewardRange[1] - task.rewardRange[0];
  const { tolerance } = options.gate;
  return {
    better: createBettingTest({ alpha, lo: -span, hi: span, nPlan }),
    harm:
      tolerance < span
        ? createBettingTest({ alpha, lo: -span - tolerance, hi: span - tolerance, nPlan })
        : undefined,
  };
}

/**
 * Plays the next prompts of the validation split with both teams. Returns, per prompt, the reward of the new
 * team minus that of the old team.
 *
 * @param order - the two teams in the order in which they play. The weights of the first team must already
 *   be loaded, which halves the number of times that weights are loaded.
 */
async function batchDifferences(
  context: RunContext,
  pair: TeamPair,
  {
    stage,
    index,
    order,
    from,
    count,
  }: PairedTestSettings & {
    readonly order: readonly [Side, Side];
    readonly from: number;
    readonly count: number;
  },
): Promise<number[]> {
  const items = context.prompts.validation.take(count);
  const rewards = { old: items.map(() => Number.NaN), new: items.map(() => Number.NaN) };
  for (const side of order) {
    if (side !== order[0]) await pair[side].load();
    const trajectories = await playEpisodes(context, pair[side].team, {
      stage,
      items,
      samples: 1,
      // both teams draw from equal random streams, so that their rewards are paired
      stream: trainStream(context.options.seed, 'gate', index, from),
    });
    for (const { group, reward } of trajectories) rewards[side][group] = reward;
  }
  return items.map((_, k) => rewards.new[k] - rewards.old[k]);
}
