/**
 * Counts a plurality vote. The ballots come from agents in the protocols `vote` and `debate`, from episodes
 * of the team in maj@K (majority vote of K episodes), and from samples in self-consistency.
 * @see Wang et al., "Self-consistency improves chain of thought reasoning", arXiv 2203.11171
 * @module
 */
import { DomainError } from '../core/errors.ts';

/** The properties of a message that a vote uses. */
export interface Ballot {
  /** Id of the agent, or number of the episode or sample; the lower id wins the last tie. */
  readonly agent: number;
  /** Mean log-probability per token under the sampler, nats; breaks ties. */
  readonly meanLogp: number;
}

/**
 * Counts a plurality vote.
 *
 * Ties between answers are broken by the higher mean of their ballots' `meanLogp`, then by the lowest id
 * among their voters. The returned ballot is the one with the highest `meanLogp` among the ballots of the
 * winning answer; ties go to the lower id. Ballots without an answer do not count. If no ballot has an
 * answer, the one with the highest `meanLogp` is returned; ties go to the lower id.
 *
 * @param ballots - at least one; ids need not be sorted
 * @param answerOf - returns the answer of a ballot in normal form; undefined if it has none
 * @returns a ballot of the winning answer
 * @throws DomainError if `ballots` is empty
 */
export function plurality<B extends Ballot>(
  ballots: readonly B[],
  answerOf: (ballot: B) => string | undefined,
): B {
  if (ballots.length === 0) throw new DomainError('plurality: expected at least one ballot, got none');
  const byAnswer = new Map<string, B[]>();
  // sorted by id, so that floating-point sums of logp do not depend on the order of the list
  for (const ballot of [...ballots].sort((a, b) => a.agent - b.agent)) {
    const answer = answerOf(ballot);
    if (answer === undefined) continue;
    const same = byAnswer.get(answer);
    if (same === undefined) byAnswer.set(answer, [ballot]);
    else same.push(ballot);
  }
  if (byAnswer.size === 0) return mostConfident(ballots);
  const best = [...byAnswer.values()].reduce((a, b) => (beats(b, a) ? b : a));
  return mostConfident(best);
}

/**
 * Returns whether the ballots `a` of one answer win against the ballots `b` of another; both are sorted by
 * id.
 */
function beats(a: readonly Ballot[], b: readonly Ballot[]): boolean {
  if (a.length !== b.length) return a.length > b.length;
  const [meanA, meanB] = [meanLogpOf(a), meanLogpOf(b)];
  return meanA === meanB ? a[0].agent < b[0].agent : meanA > meanB;
}

function meanLogpOf(ballots: readonly Ballot[]): number {
  return ballots.reduce((sum, ballot) => sum + ballot.meanLogp, 0) / ballots.length;
}

function mostConfident<B extends Ballot>(ballots: readonly B[]): B {
  return ballots.reduce((a, b) => {
    if (a.meanLogp === b.meanLogp) return b.agent < a.agent ? b : a;
    return b.meanLogp > a.meanLogp ? b : a;
  });
}
