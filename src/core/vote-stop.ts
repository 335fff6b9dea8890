/**
 * Early stopping of a vote among K samples: stop once the winner can no longer change (`exact`), or once, for
 * every other answer, the hypothesis that this answer wins the vote of all K samples has been rejected at a
 * given error probability (`probable`).
 *
 * The ballots of one prompt are exchangeable: given the multiset of K ballots, every order has the same
 * probability. Counting some of them is therefore sampling without replacement. For an answer w, let j be the
 * leading answer before a ballot is drawn, d = n_j - n_w its lead, and r the number of ballots left. Here n
 * is an answer's count so far, and N its count among all K ballots. If w wins the full vote (N_w >= N_j),
 *
 *     P(next = j) - P(next = w) = ((N_j - n_j) - (N_w - n_w)) / r  <=  -d / r  =: -c.
 *
 * Hence, for any stake u in [0, 1], the factor 1 + u ((1{next = j} - 1{next = w}) + c) / (1 - c) is
 * non-negative and has mean <= 1. The product W_w of the factors is a test supermartingale of the hypothesis
 * "w wins", and so is its average over stakes. By Ville's inequality P(W_w ever reaches 1/error) <= error.
 * The vote stops when W_w has reached 1/error for every answer w except the leader, including answers not
 * seen so far. A wrong result implies that the product of the true winner reached 1/error. The true winner is
 * a single answer, so no union bound is needed, and the error bound is valid for any number of answers and
 * any distribution.
 *
 * @see Ville, "Etude critique de la notion de collectif" (1939); Waudby-Smith & Ramdas, "Confidence sequences
 *   for sampling without replacement", arXiv 2006.04347; Aggarwal et al., "Let's sample step by step",
 *   arXiv 2305.11860 (stopping votes early, by a posterior without a guarantee)
 * @module
 */
import { checkInteger, checkOpenUnit } from './check.ts';
import { DomainError } from './errors.ts';

/** Names of the stopping rules. */
export const VOTE_STOP_RULES = ['exact', 'probable'] as const;
/**
 * A stopping rule: `exact` never changes the winner, `probable` changes it with at most a given probability.
 */
export type VoteStopRule = (typeof VOTE_STOP_RULES)[number];

/** Options of {@link VoteStop}. */
export interface VoteStopOptions {
  /** K: number of ballots of the full vote. */
  readonly ballots: number;
  readonly rule: VoteStopRule;
  /**
   * For `probable`: upper bound on the probability that the full vote has another winner, in (0, 1). Default
   * 0.05.
   */
  readonly error?: number;
}

/**
 * Number of stakes u (sizes of the bets in the header's factor). They are the midpoints of this many equal
 * parts of [0, 1].
 */
const STAKES = 16;

/** Votes for one answer, and the evidence against the hypothesis that this answer wins the full vote. */
interface Candidate {
  votes: number;
  /** Product of the test's factors for each stake (the wealth of a gambler who starts with 1) [STAKES]. */
  readonly wealth: Float64Array;
  isRejected: boolean;
}

/**
 * A vote in progress: `add` counts each ballot in sampling order, `isDecided` is true once no further ballot is needed.
 *
 * `team/plurality.ts` breaks ties of the full vote by other criteria than counts, so a tie may change the
 * winner. `exact` therefore stops only if no tie is possible. A ballot without an answer is no vote.
 *
 * @example
 * ['7', '9', '7', '7'].reduce((vote, answer) => (vote.add(answer), vote), new VoteStop({ ballots: 5, rule: 'exact' })).isDecided; // => true
 */
export class VoteStop {
  readonly #ballots: number;
  readonly #rule: VoteStopRule;
  readonly #threshold: number;
  /** Answers seen so far, in order of first appearance. */
  readonly #candidates = new Map<string, Candidate>();
  /**
   * Represents every answer that has not been seen so far; the evidence against each of these answers is the
   * same.
   */
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

  /**
   * The answer with the most votes so far; among answers with equal counts, the one that reached this count
   * first. Undefined before any vote.
   */
  get leader(): string | undefined {
    return this.#leader;
  }

  /** Whether sampling can stop. Always true after all ballots. */
  get isDecided(): boolean {
    const left = this.#ballots - this.#seen;
    if (left === 0) return true;
    const leader = this.#leader === undefined ? undefined : this.#candidates.get(this.#leader);
    if (leader === undefined) return false;
    for (const candidate of [...this.#candidates.values(), this.#unseen]) {
      if (candidate === leader || leader.votes - candidate.votes > left) continue;
      if (this.#rule === 'exact' || !candidate.isRejected) return false;
    }
    return true;
  }

  /**
   * Counts one ballot.
   *
   * @param answer - answer in normal form; undefined if the ballot has none
   * @throws DomainError if all ballots are already counted
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

  /** Updates the evidence against every answer except the leader before this ballot. */
  #bet(answer: string | undefined): void {
    const leader = this.#leader === undefined ? undefined : this.#candidates.get(this.#leader);
    if (leader === undefined) return;
    const left = this.#ballots - this.#seen;
    for (const [name, candidate] of [...this.#candidates, [undefined, this.#unseen] as const]) {
      if (candidate === leader) continue;
      const lead = (leader.votes - candidate.votes) / left;
      // this answer can at most tie the leader, and only if it gets all remaining ballots
      if (lead >= 1) continue;
      const isFor = answer !== undefined && answer === this.#leader;
      const isAgainst = name !== undefined && answer === name;
      const gain = (Number(isFor) - Number(isAgainst) + lead) / (1 - lead);
      settle(candidate, gain, this.#threshold);
    }
  }
}

function newCandidate(): Candidate {
  return { votes: 0, wealth: new Float64Array(STAKES).fill(1), isRejected: false };
}

/**
 * Multiplies the wealth of each stake by 1 + u gain. If the mean wealth reaches the threshold, the hypothesis
 * that the candidate wins is rejected for good (Ville's inequality).
 */
function settle(candidate: Candidate, gain: number, threshold: number): void {
  const { wealth } = candidate;
  let sum = 0;
  for (let s = 0; s < STAKES; s++) {
    wealth[s] *= 1 + ((s + 0.5) / STAKES) * gain;
    sum += wealth[s];
  }
  if (sum / STAKES >= threshold) candidate.isRejected = true;
}

/** Outcome of a stopping rule on a vote whose ballots are all known. */
export interface VoteReplay {
  /** Number of ballots until the rule stops, 1..K. */
  readonly used: number;
  /** Leading answer when the rule stops; undefined if no ballot has an answer. */
  readonly winner: string | undefined;
}

/**
 * Applies a stopping rule to a vote whose ballots are all known.
 *
 * @param answers - answers of all K ballots in sampling order, K >= 1
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
