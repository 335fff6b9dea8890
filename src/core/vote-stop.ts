/**
 * When a vote among K samples may stop early: once the winner can no longer change (`exact`), or once every
 * other answer has been refuted as the winner of all K at a stated error (`probable`).
 *
 * The ballots of one prompt are exchangeable: given which K ballots there will be, every order is as likely.
 * So counting a part of them is drawing without replacement. For an answer w, let j be whoever leads before a
 * ballot is drawn, d = n_j - n_w its lead and r the ballots left. If w wins the full vote (N_w >= N_j) then
 *
 *     P(next = j) - P(next = w) = ((N_j - n_j) - (N_w - n_w)) / r  <=  -d / r  =: -c,
 *
 * whence, for any stake u in [0, 1], the factor 1 + u ((1{next = j} - 1{next = w}) + c) / (1 - c) is never
 * negative and has mean <= 1: the product W_w over ballots is a test supermartingale of "w wins", also averaged
 * over stakes. By Ville's inequality P(W_w ever reaches 1/error) <= error. We stop when that happened to every
 * answer but the leader, unseen ones included. A wrong result means that it happened to the one true winner:
 * there is no sum over answers, so the bound holds for any number of answers and any distribution.
 *
 * @see Ville, "Etude critique de la notion de collectif" (1939); Waudby-Smith & Ramdas, "Confidence sequences
 *   for sampling without replacement", arXiv 2006.04347; Aggarwal et al., "Let's sample step by step",
 *   arXiv 2305.11860 (stopping votes early, by a posterior without a guarantee)
 * @module
 */
import { checkInteger, checkOpenUnit } from './check.ts';
import { DomainError } from './errors.ts';

export const VOTE_STOP_RULES = ['exact', 'probable'] as const;
export type VoteStopRule = (typeof VOTE_STOP_RULES)[number];

export interface VoteStopOptions {
  /** K: ballots of the full vote. */
  readonly ballots: number;
  readonly rule: VoteStopRule;
  /** For `probable`: most probability that the full vote has another winner, in (0, 1). Default 0.05. */
  readonly error?: number;
}

/** Stakes u are averaged over the midpoints of so many equal parts of [0, 1]. */
const STAKES = 16;

/** An answer's ballots, and the evidence against its winning the full vote. */
interface Candidate {
  votes: number;
  /** Wealth of each stake [STAKES]. */
  readonly wealth: Float64Array;
  isRefuted: boolean;
}

/**
 * One vote under way. Tell it every ballot in the order drawn, and ask whether more are needed.
 *
 * Ties of the full vote are broken by what counts cannot show (`team/plurality.ts`), so a tie counts as a
 * change: `exact` stops only where no tie is left to happen. Ballots without an answer have no vote.
 *
 * @example
 * ['7', '9', '7', '7'].reduce((vote, answer) => (vote.add(answer), vote), new VoteStop({ ballots: 5, rule: 'exact' })).isDecided; // => true
 */
export class VoteStop {
  readonly #ballots: number;
  readonly #rule: VoteStopRule;
  readonly #threshold: number;
  /** In order of first appearance. */
  readonly #candidates = new Map<string, Candidate>();
  /** Stands for every answer that was not seen yet: they all have the same evidence against them. */
  readonly #unseen: Candidate = newCandidate();
  #leader: string | undefined;
  #seen = 0;

  /** @throws DomainError if ballots < 1 or error is outside (0, 1) */
  constructor({ ballots, rule, error = 0.05 }: VoteStopOptions) {
    checkInteger('VoteStop', 'ballots', ballots, 1);
    checkOpenUnit('VoteStop', 'error', error);
    this.#ballots = ballots;
    this.#rule = rule;
    this.#threshold = 1 / error;
  }

  /** Ballots counted so far. */
  get seen(): number {
    return this.#seen;
  }

  /** The answer with the most votes so far, the first to have so many; undefined before any answer. */
  get leader(): string | undefined {
    return this.#leader;
  }

  /** Whether the rest of the ballots need not be drawn. True at the latest after all of them. */
  get isDecided(): boolean {
    const left = this.#ballots - this.#seen;
    if (left === 0) return true;
    const leader = this.#leader === undefined ? undefined : this.#candidates.get(this.#leader);
    if (leader === undefined) return false;
    for (const candidate of [...this.#candidates.values(), this.#unseen]) {
      if (candidate === leader || leader.votes - candidate.votes > left) continue;
      if (this.#rule === 'exact' || !candidate.isRefuted) return false;
    }
    return true;
  }

  /**
   * Counts one ballot.
   *
   * @param answer - in normal form; undefined where the ballot has none
   * @throws DomainError if all ballots were counted already
   */
  add(answer: string | undefined): void {
    if (this.#seen === this.#ballots)
      throw new DomainError(`VoteStop: expected at most ${this.#ballots} ballots, got another`);
    if (answer !== undefined && !this.#candidates.has(answer))
      this.#candidates.set(answer, { ...this.#unseen, wealth: this.#unseen.wealth.slice() });
    if (this.#rule === 'probable') this.#bet(answer);
    this.#seen++;
    const voted = answer === undefined ? undefined : this.#candidates.get(answer);
    if (voted === undefined) return;
    voted.votes++;
    const leader = this.#leader === undefined ? undefined : this.#candidates.get(this.#leader);
    if (leader === undefined || voted.votes > leader.votes) this.#leader = answer;
  }

  /** Settles the bets that stood before this ballot: the leader of then against everybody else. */
  #bet(answer: string | undefined): void {
    const leader = this.#leader === undefined ? undefined : this.#candidates.get(this.#leader);
    if (leader === undefined) return;
    const left = this.#ballots - this.#seen;
    for (const [name, candidate] of [...this.#candidates, [undefined, this.#unseen] as const]) {
      if (candidate === leader) continue;
      const lead = (leader.votes - candidate.votes) / left;
      if (lead >= 1) continue; // it can draw level at best, and only if the rest all vote for it
      const isFor = answer !== undefined && answer === this.#leader;
      const isAgainst = name !== undefined && answer === name;
      const gain = (Number(isFor) - Number(isAgainst) + lead) / (1 - lead);
      settle(candidate, gain, this.#threshold);
    }
  }
}

function newCandidate(): Candidate {
  return { votes: 0, wealth: new Float64Array(STAKES).fill(1), isRefuted: false };
}

/** Multiplies the wealth of each stake by 1 + u gain; refuted is refuted for good (Ville). */
function settle(candidate: Candidate, gain: number, threshold: number): void {
  const { wealth } = candidate;
  let sum = 0;
  for (let s = 0; s < STAKES; s++) {
    wealth[s] *= 1 + ((s + 0.5) / STAKES) * gain;
    sum += wealth[s];
  }
  if (sum / STAKES >= threshold) candidate.isRefuted = true;
}

/** What a rule would have made of a vote whose ballots are all known. */
export interface VoteReplay {
  /** Ballots until the rule stops, 1..K. */
  readonly used: number;
  /** The answer it stops with; undefined where no ballot has one. */
  readonly winner: string | undefined;
}

/**
 * Replays a whole vote under a rule: how many of its ballots it would have needed.
 *
 * @param answers - of all K ballots in the order drawn, K >= 1
 * @throws DomainError if there is no ballot
 */
export function replayVote(
  answers: readonly (string | undefined)[],
  { rule, error }: Omit<VoteStopOptions, 'ballots'>,
): VoteReplay {
  const vote = new VoteStop({ ballots: answers.length, rule, ...(error === undefined ? {} : { error }) });
  for (const answer of answers) {
    if (vote.isDecided) break;
    vote.add(answer);
  }
  return { used: vote.seen, winner: vote.leader };
}
