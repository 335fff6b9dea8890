/**
 * What an evaluation's records come to: avg@K, pass@k, maj@K for the team, each agent and each difficulty, what
 * an answer costs in tokens, and what stopping votes early saves.
 * @module
 */
import { DomainError } from '../core/errors.ts';
import type { RandomStream } from '../core/rng.ts';
import { type Interval, passAtK } from '../core/stats.ts';
import { replayVote, type VoteStopRule } from '../core/vote-stop.ts';
import { agentAnswerOf, answerOf, type EpisodeRecord } from './episode-record.ts';
import { type EarlyStop, samplesForSure } from './play.ts';
import { type Answer, measureOf, type Scores, scoresOf } from './scores.ts';

/** pass@k for one k. */
export interface PassAt extends Interval {
  readonly k: number;
}

/** What a rule for stopping votes early does to full votes of K. */
export interface StopSaving {
  readonly rule: VoteStopRule;
  /** Ballots drawn and in full votes, over all prompts. */
  readonly used: number;
  readonly full: number;
  /** Tokens drawn and in full votes; where votes were stopped, full is an estimate from the prompt's mean. */
  readonly usedTokens: number;
  readonly fullTokens: number;
  /** Prompts whose winner differs from the full vote's; absent where votes were stopped, so nobody knows. */
  readonly changed?: number;
}

export interface DifficultyScores {
  readonly difficulty: string;
  readonly prompts: number;
  readonly team: Scores;
}

export interface BenchmarkScores {
  /** P. */
  readonly prompts: number;
  /** K: ballots of a full vote, which maj@K is about. */
  readonly samples: number;
  /** Samples every prompt has: what avg and pass are made of. K unless votes were stopped early. */
  readonly sure: number;
  readonly team: Scores;
  readonly agents: readonly { readonly agent: string; readonly scores: Scores }[];
  /** pass@1, 2, 4, ... and the largest k there is. */
  readonly pass: readonly PassAt[];
  /** In order of first appearance sorted as numbers where they are; empty where items have none. */
  readonly difficulties: readonly DifficultyScores[];
  readonly episodes: number;
  readonly tokens: number;
  readonly messages: number;
  /** Messages cut at the largest length. */
  readonly clipped: number;
  readonly savings: readonly StopSaving[];
}

export interface BenchmarkScoreOptions {
  /** K. */
  readonly samples: number;
  readonly agents: readonly string[];
  /** How votes were stopped; absent: not at all. */
  readonly stop?: EarlyStop;
  /** Error of the probable rule when its saving is estimated. */
  readonly error: number;
  /** Draws the bootstrap resamples. */
  readonly stream: RandomStream;
}

/**
 * @param records - in order of prompt, then sample; every prompt has at least `samplesForSure` of them
 * @throws DomainError if there is none, or a prompt has too few
 */
export function benchmarkScores(
  records: readonly EpisodeRecord[],
  options: BenchmarkScoreOptions,
): BenchmarkScores {
  const { samples, stop, stream, agents } = options;
  const sure = samplesForSure(samples, stop);
  const byPrompt = groupBy(records, ({ index }) => index);
  if (byPrompt.length === 0) throw new DomainError('benchmarkScores: expected episodes, got none');
  const short = byPrompt.find((episodes) => episodes.length < sure);
  if (short)
    throw new DomainError(
      `benchmarkScores: expected at least ${sure} episodes of prompt ${short[0].index}, got ${short.length}`,
    );
  const score = (key: number, prompts: readonly (readonly EpisodeRecord[])[], of: ReadAnswers): Scores =>
    scoresFrom(prompts, { sure, of, stream: stream.child(1, key) });
  const messages = records.flatMap((record) => record.messages.filter(({ tokens }) => tokens !== undefined));
  return {
    prompts: byPrompt.length,
    samples,
    sure,
    team: score(0, byPrompt, (record) => [answerOf(record)]),
    agents: agents.flatMap((agent, id) =>
      records.some((record) => agentAnswerOf(record, agent).length > 0)
        ? [{ agent, scores: score(1 + id, byPrompt, (record) => agentAnswerOf(record, agent)) }]
        : [],
    ),
    pass: passCurve(byPrompt, sure, stream.child(2)),
    difficulties: difficultiesOf(byPrompt).map(({ difficulty, prompts }) => ({
      difficulty,
      prompts: prompts.length,
      team: score(0, prompts, (record) => [answerOf(record)]),
    })),
    episodes: records.length,
    tokens: messages.reduce((sum, { tokens = 0 }) => sum + tokens, 0),
    messages: messages.length,
    clipped: messages.filter(({ finish }) => finish === 'length').length,
    savings: stop ? [measuredSaving(byPrompt, samples, stop)] : replayedSavings(byPrompt, options.error),
  };
}

type ReadAnswers = (record: EpisodeRecord) => Answer[];

/** avg and pass from the samples every prompt has, maj from all that were drawn: stopping biases the former. */
function scoresFrom(
  prompts: readonly (readonly EpisodeRecord[])[],
  { sure, of, stream }: { readonly sure: number; readonly of: ReadAnswers; readonly stream: RandomStream },
): Scores {
  const items = prompts.map(([first]) => first.item);
  const answers = (count: number): Answer[][] =>
    prompts.map((episodes) => episodes.slice(0, count).flatMap((record) => of(record)));
  const first = answers(sure);
  const fewest = Math.min(...first.map(({ length }) => length).filter((length) => length > 0));
  const scores = scoresOf(first, { items, k: Math.min(sure, fewest), stream });
  const all = answers(Number.POSITIVE_INFINITY);
  return { ...scores, maj: scoresOf(all, { items, k: 1, stream }).maj };
}

function passCurve(
  byPrompt: readonly (readonly EpisodeRecord[])[],
  sure: number,
  stream: RandomStream,
): PassAt[] {
  const ks: number[] = [];
  for (let k = 1; k < sure; k *= 2) ks.push(k);
  return [...ks, sure].map((k) => {
    const perPrompt = Float64Array.from(byPrompt, (episodes) =>
      passAtK(sure, episodes.slice(0, sure).filter(({ correct }) => correct).length, k),
    );
    const { mean, low, high } = measureOf(perPrompt, stream.child(k));
    return { k, mean, low, high };
  });
}

function difficultiesOf(
  byPrompt: readonly (readonly EpisodeRecord[])[],
): { difficulty: string; prompts: (readonly EpisodeRecord[])[] }[] {
  const known = new Map<string, (readonly EpisodeRecord[])[]>();
  for (const episodes of byPrompt) {
    const { difficulty } = episodes[0];
    if (difficulty !== undefined) known.set(difficulty, [...(known.get(difficulty) ?? []), episodes]);
  }
  return [...known]
    .map(([difficulty, prompts]) => ({ difficulty, prompts }))
    .sort((a, b) => a.difficulty.localeCompare(b.difficulty, 'en', { numeric: true }));
}

/** All ballots are there: what each rule would have needed, and whether its winner would have been another. */
function replayedSavings(byPrompt: readonly (readonly EpisodeRecord[])[], error: number): StopSaving[] {
  return (['exact', 'probable'] as const).map((rule) => {
    const votes = byPrompt.map((episodes) => {
      const { used, winner } = replayVote(
        episodes.map(({ answer }) => answer),
        { rule, error },
      );
      return { episodes, used, isChanged: winner !== undefined && !isWinner(episodes, winner) };
    });
    const sum = (of: (vote: (typeof votes)[number]) => number): number =>
      votes.reduce((total, vote) => total + of(vote), 0);
    return {
      rule,
      used: sum(({ used }) => used),
      full: sum(({ episodes }) => episodes.length),
      usedTokens: sum(({ episodes, used }) => tokensOf(episodes.slice(0, used))),
      fullTokens: sum(({ episodes }) => tokensOf(episodes)),
      changed: votes.filter(({ isChanged }) => isChanged).length,
    };
  });
}

/** Whether no answer has more votes; ties are broken by what early counts cannot show, so they are no change. */
function isWinner(episodes: readonly EpisodeRecord[], winner: string): boolean {
  const votes = new Map<string, number>();
  for (const { answer } of episodes)
    if (answer !== undefined) votes.set(answer, (votes.get(answer) ?? 0) + 1);
  return Math.max(...votes.values()) === votes.get(winner);
}

function measuredSaving(
  byPrompt: readonly (readonly EpisodeRecord[])[],
  samples: number,
  { rule }: EarlyStop,
): StopSaving {
  const usedTokens = byPrompt.reduce((sum, episodes) => sum + tokensOf(episodes), 0);
  return {
    rule,
    used: byPrompt.reduce((sum, episodes) => sum + episodes.length, 0),
    full: byPrompt.length * samples,
    usedTokens,
    fullTokens: Math.round(
      byPrompt.reduce((sum, episodes) => sum + (tokensOf(episodes) / episodes.length) * samples, 0),
    ),
  };
}

function tokensOf(episodes: readonly EpisodeRecord[]): number {
  return episodes.reduce(
    (sum, { messages }) => sum + messages.reduce((own, { tokens = 0 }) => own + tokens, 0),
    0,
  );
}

function groupBy<T>(values: readonly T[], key: (value: T) => number): T[][] {
  const groups = new Map<number, T[]>();
  for (const value of values) {
    const group = groups.get(key(value));
    if (group) group.push(value);
    else groups.set(key(value), [value]);
  }
  return [...groups.values()];
}
