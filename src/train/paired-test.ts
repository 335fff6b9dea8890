/**
 * The acceptance test of gate 2: tests whether the new team is better on prompts that no loss, no update order and no
 * earlier test has used. Both teams answer the same prompts with the same random streams. A betting test (E64) observes
 * the differences one prompt at a time and stops as soon as it can decide. A second, mirrored test detects harm.
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

/** Prompts per rollout: enough for efficient batches, few enough that stopping early saves work. */
const PROMPTS_AT_ONCE = 32;

type Side = 'old' | 'new';

/** The two teams of a test. */
export interface TeamPair {
  /** The champion, or the team before the update. */
  readonly old: TeamSnapshot;
  /** The candidate; its weights are loaded when the test begins. */
  readonly new: TeamSnapshot;
}

export interface PairedTestSettings {
  readonly stage: number;
  /** Number of the test; part of the names of its random streams, unique within the run. */
  readonly index: number;
  /** Share of the run's alpha that this test may spend. */
  readonly alpha: number;
}

export interface PairedTestResult {
  /** Number of used prompts; 0 if none were left. */
  readonly prompts: number;
  /** Wealth of the test of E[new - old] <= 0. */
  readonly wealth: number;
  /** Wealth of the test of E[old - new] <= tolerance; 1 if no reward lies beyond the tolerance. */
  readonly harmWealth: number;
  /** Mean of new - old, reward units; 0 without prompts. */
  readonly meanDifference: number;
  /** See `GateRecord.path`. */
  readonly path: NonNullable<GateRecord['path']>;
  readonly verdict: 'better' | 'harm' | 'undecided';
}

/**
 * Tests D = R_new - R_old with one episode per prompt and team. Verdict `better`: the wealth against E[D] <= 0 reached
 * 1/alpha. `harm`: the wealth against E[-D] <= tolerance reached 1/alpha. `undecided`: neither within `gate.nPlan`
 * prompts or the rest of the validation split   (E64).
 *
 * If E[D] <= 0, the probability of `better` is at most alpha, for any stopping time. Afterwards the weights of either
 * team may be loaded.
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

/** Maximum number of points of a recorded wealth path, without the last one. */
const PATH_STEPS = 64;

/** The last point and at most 64 evenly spaced earlier ones, including the first. */
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
 * Rewards new - old on the next prompts of the validation split, in order of the prompts.
 *
 * @param order - the side whose weights are loaded comes first, which halves the number of weight swaps
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
      stream: trainStream(context.options.seed, 'gate', index, from), // equal for both sides: paired
    });
    for (const { group, reward } of trajectories) rewards[side][group] = reward;
  }
  return items.map((_, k) => rewards.new[k] - rewards.old[k]);
}
