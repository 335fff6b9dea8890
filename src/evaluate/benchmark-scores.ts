/**
 * Computes the scores of a benchmark from its episode records: avg@K, pass@k and maj@K of the team, of each
 * agent and of each difficulty, the number of sampled tokens, and the number of ballots and tokens that
 * early-stopped votes save.
 * @module
 */
import { DomainError } from '../core/errors.ts';
import type { RandomStream } from '../core/rng.ts';
import { type Interval, passAtK } from '../core/stats.ts';
import { replayVote, type VoteStopRule } from '../core/vote-stop.ts';
import { countCutOff } from '../team/cut-off.ts';
import { agentAnswerOf, answerOf, type EpisodeRecord, type MessageRecord } from './episode-record.ts';
import { type EarlyStop, guaranteedSamples } from './play.ts';
import { type Answer, measureOf, type Scores, scoresOf } from './scores.ts';

/** pass@k for one k, with its 95% interval. */
export interface PassAt extends Interval {
  readonly k: number;
}

/** Ballots and tokens that a rule for stopping votes early saves, relative to full votes of K samples. */
export interface StopSaving {
  readonly rule: VoteStopRule;
  /** Number of ballots sampled with the rule, over all prompts. */
  readonly used: number;
  /** Number of ballots of full votes, over all prompts. */
  readonly full: number;
  /** Number of tokens sampled with the rule, over all prompts. */
  readonly usedTokens: number;
  /** Number of tokens of full votes; an estimate from each prompt's mean if the evaluation stopped votes early. */
  readonly fullTokens: number;
  /**
   * Number of prompts on which the rule changes the winner of the full vote. Absent if the evaluation stopped
   * votes early, because the full vote is then unknown.
   */
  readonly changed?: number;
}

export interface DifficultyScores {
  readonly difficulty: string;
  readonly prompts: number;
  readonly team: Scores;
}

export interface BenchmarkScores {
  /** Number of prompts (P). */
  readonly prompts: number;
  /** Number of ballots of a full vote (K of maj@K). */
  readonly samples: number;
  /**
   * Number of samples that every prompt has, from which avg@K and pass@k are computed. It is K unless votes
   * were stopped early.
   */
  readonly guaranteed: number;
  readonly team: Scores;
  readonly agents: readonly { readonly agent: string; readonly scores: Scores }[];
  /** pass@k for k = 1, 2, 4, ... and for k = `guaranteed`, the number of samples that every prompt has. */
  readonly pass: readonly PassAt[];
  /**
   * Scores of the prompts of each difficulty, sorted by name, numbers in numeric order; empty if items have
   * no difficulty.
   */
  readonly difficulties: readonly DifficultyScores[];
  readonly episodes: number;
  readonly tokens: number;
  readonly messages: number;
  /** Number of messages that were cut off. */
  readonly cutOff: number;
  /** Number of messages in episodes with a correct answer, and of those that were cut off. */
  readonly rewarded: { readonly messages: number; readonly cutOff: number };
  /** Number of episodes that count as wrong because an agent's context left no room for its message. */
  readonly overflows: number;
  readonly savings: readonly StopSaving[];
}

export interface BenchmarkScoreOptions {
  /** Number of samples per prompt (K). */
  readonly samples: number;
  readonly agents: readonly string[];
  /** Rule by which votes were stopped early; absent: all votes were full. */
  readonly stop?: EarlyStop;
  /** Error probability of the rule `probable`; used to estimate its saving. */
  readonly error: number;
  /** Random stream of the bootstrap resamples. */
  readonly stream: RandomStream;
}

/**
 * Computes the scores of a benchmark.
 *
 * @param records - episodes in order of prompt, then sample; at least `guaranteedSamples` of every
 *   prompt
 * @throws DomainError if `records` is empty, or a prompt has too few episodes
 */
export function benchmarkScores(
  records: readonly EpisodeRecord[],
  options: BenchmarkScoreOptions,
): BenchmarkScores {
  const { samples, stop, stream, agents } = options;
  const guaranteed = guaranteedSamples(samples, stop);
  const byPrompt = groupBy(records, ({ index }) => index);
  if (byPrompt.length === 0) throw new DomainError('benchmarkScores: expected episodes, got none');
  const short = byPrompt.find((episodes) => episodes.length < guaranteed);
  if (short)
    throw new DomainError(
      `benchmarkScores: expected at least ${guaranteed} episodes of prompt ${short[0].index}, got ${short.length}`,
    );
  const score = (key: number, prompts: readonly (readonly EpisodeRecord[])[], of: ReadAnswers): Scores =>
    scoresFrom(prompts, { guaranteed, of, stream: stream.child(1, key) });
  const messages = records.flatMap(ownMessages);
  const rewarded = records.flatMap((record) => (record.correct ? ownMessages(record) : []));
  return {
    prompts: byPrompt.length,
    samples,
    guaranteed,
    team: score(0, byPrompt, (record) => [answerOf(record)]),
    agents: agents.flatMap((agent, id) =>
      records.some((record) => agentAnswerOf(record, agent).length > 0)
        ? [{ agent, scores: score(1 + id, byPrompt, (record) => agentAnswerOf(record, agent)) }]
        : [],
    ),
    pass: passCurve(byPrompt, guaranteed, stream.child(2)),
    difficulties: difficultiesOf(byPrompt).map(({ difficulty, prompts }) => ({
      difficulty,
      prompts: prompts.length,
      team: score(0, prompts, (record) => [answerOf(record)]),
    })),
    episodes: records.length,
    tokens: messages.reduce((sum, { tokens = 0 }) => sum + tokens, 0),
    messages: messages.length,
    cutOff: countCutOff(messages),
    rewarded: { messages: rewarded.length, cutOff: countCutOff(rewarded) },
    overflows: records.filter(({ overflow }) => overflow === true).length,
    savings: stop ? [measuredSaving(byPrompt, samples, stop)] : replayedSavings(byPrompt, options.error),
  };
}

/** Returns the messages that agents wrote. */
function ownMessages({ messages }: EpisodeRecord): MessageRecord[] {
  return messages.filter(({ tokens }) => tokens !== undefined);
}

type ReadAnswers = (record: EpisodeRecord) => Answer[];

/**
 * Computes avg@K and pass@k only from the samples that every prompt has, because the number of further
 * samples depends on their answers if votes stop early, which would bias these scores. Computes maj@K from
 * all samples.
 */
function scoresFrom(
  prompts: readonly (readonly EpisodeRecord[])[],
  {
    guaranteed,
    of,
    stream,
  }: { readonly guaranteed: number; readonly of: ReadAnswers; readonly stream: RandomStream },
): Scores {
  const items = prompts.map(([first]) => first.item);
  const answers = (count: number): Answer[][] =>
    prompts.map((episodes) => episodes.slice(0, count).flatMap((record) => of(record)));
  const first = answers(guaranteed);
  const fewest = Math.min(...first.map(({ length }) => length).filter((length) => length > 0));
  const scores = scoresOf(first, { items, k: Math.min(guaranteed, fewest), stream });
  const all = answers(Number.POSITIVE_INFINITY);
  return { ...scores, maj: scoresOf(all, { items, k: 1, stream }).maj };
}

function passCurve(
  byPrompt: readonly (readonly EpisodeRecord[])[],
  guaranteed: number,
  stream: RandomStream,
): PassAt[] {
  const ks: number[] = [];
  for (let k = 1; k < guaranteed; k *= 2) ks.push(k);
  return [...ks, guaranteed].map((k) => {
    const perPrompt = Float64Array.from(byPrompt, (episodes) =>
      passAtK(guaranteed, episodes.slice(0, guaranteed).filter(({ correct }) => correct).length, k),
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

/**
 * Replays full votes with each rule. Counts the ballots that the rule needs and the prompts on which its
 * winner differs.
 */
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

/**
 * Returns whether no other answer has more votes than `winner`. A tie counts as a win, because the tie-break
 * needs all ballots.
 */
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
