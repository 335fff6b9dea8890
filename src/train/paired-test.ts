/**
 * Gate 2: is the new team better on prompts that no loss, no order and no earlier test has seen? Both
 * teams answer the same fresh prompts with the same random streams, and a betting test (E64) watches the
 * differences one prompt at a time, so it may stop as soon as it knows. A second one, mirrored, watches
 * for harm.
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

/** Prompts rolled out at a time: enough to fill a batch, few enough that stopping early saves work. */
const PROMPTS_AT_ONCE = 32;

type Side = 'old' | 'new';

/** The two teams of a test. */
export interface Contest {
  /** Champion, or the team before the update. */
  readonly old: TeamSnapshot;
  /** Candidate; its weights are in place when the test begins. */
  readonly new: TeamSnapshot;
}

export interface PairedTestSettings {
  readonly stage: number;
  /** Names the test's streams; no two tests of a run share one. */
  readonly index: number;
  /** Share of the run's alpha that this test may spend. */
  readonly alpha: number;
}

export interface PairedTestResult {
  /** Prompts observed; 0 if none were left. */
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
 * D = R_new - R_old, one episode per prompt and team: `better` when the wealth against E[D] <= 0 reaches
 * 1/alpha, `harm` when that against E[-D] <= tolerance does, `undecided` after `gate.nPlan` prompts or
 * when the validation split ends   (E64).
 *
 * The probability of `better` although E[D] <= 0 is at most alpha, whatever stops the test. Which of the
 * two teams is in place afterwards is not defined.
 */
export async function pairedTest(
  context: RunContext,
  contest: Contest,
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
  let inPlace: Side = 'new';
  while (differences.length < plan) {
    onProgress(differences.length, plan);
    const count = Math.min(PROMPTS_AT_ONCE, plan - differences.length);
    const order: readonly [Side, Side] = inPlace === 'new' ? ['new', 'old'] : ['old', 'new'];
    const batch = await batchDifferences(context, contest, {
      ...settings,
      order,
      from: differences.length,
      count,
    });
    inPlace = order[1];
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

/** Most steps of a wealth path that are kept. */
const PATH_STEPS = 64;

/** The last step and at most 64 before it, evenly spread, the first among them. */
function thinned<T>(path: readonly T[]): T[] {
  const every = Math.ceil((path.length - 1) / PATH_STEPS);
  return path.filter((_, k) => k === path.length - 1 || k % every === 0);
}

/** Four digits are finer than a picture. */
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
 * new - old on the next prompts of the validation split, in their order.
 *
 * @param order - the side whose weights are in place comes first: half as many swaps
 */
async function batchDifferences(
  context: RunContext,
  contest: Contest,
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
    if (side !== order[0]) await contest[side].load();
    const trajectories = await playEpisodes(context, contest[side].team, {
      stage,
      items,
      samples: 1,
      stream: trainStream(context.options.seed, 'gate', index, from), // equal for both sides: paired
    });
    for (const { group, reward } of trajectories) rewards[side][group] = reward;
  }
  return items.map((_, k) => rewards.new[k] - rewards.old[k]);
}
