/**
 * Computes parts of the response from the turns of a finished protocol: the vote, the log-probabilities of
 * the answer, and the tokens that early stopping saved.
 * @module
 */
import type { TokenLogprob } from '../agent/served-agent.ts';
import type { AgentTurn, AnsweredTurn, VoteCount } from './team-answer.ts';

/**
 * The space that the protocol inserts between joined messages. It is not sampled, so its log-probability is
 * 0.
 */
const SEPARATOR: TokenLogprob = { token: ' ', logprob: 0, bytes: [32], top: [] };

/**
 * Returns finish reason and log-probabilities of an answer that consists of several messages joined by
 * spaces.
 *
 * @param text - the answer
 * @param turns - the agents' messages of the turn that decided the answer
 */
export function joinedAnswer(
  text: string,
  turns: readonly AnsweredTurn[],
): { readonly finish: 'stop' | 'length'; readonly logprobs?: readonly TokenLogprob[] } {
  const messages = [...turns].sort((a, b) => a.agent - b.agent).map(({ message }) => message);
  const finish = messages.some((message) => message.finish === 'length') ? 'length' : 'stop';
  const isJoined = messages.map((message) => message.text).join(' ') === text;
  if (!isJoined || messages.some(({ logprobs }) => logprobs.length === 0)) return { finish };
  return {
    finish,
    logprobs: messages.flatMap(({ logprobs }, at) => (at === 0 ? logprobs : [SEPARATOR, ...logprobs])),
  };
}

/** Counts the votes. @param ballots - all agents' turns of the last turn of the protocol */
export function countVote(ballots: readonly AgentTurn[], winner: string | undefined): VoteCount {
  const counts = new Map<string, string[]>();
  const withoutAnswer: string[] = [];
  for (const ballot of [...ballots].sort((a, b) => a.agent - b.agent)) {
    if (ballot.status !== 'answered') continue;
    const { answer, name } = ballot;
    if (answer === undefined) withoutAnswer.push(name);
    else counts.set(answer, [...(counts.get(answer) ?? []), name]);
  }
  const sorted = [...counts]
    .map(([answer, agents]) => ({ answer, agents }))
    .sort(
      (a, b) =>
        Number(b.answer === winner) - Number(a.answer === winner) || b.agents.length - a.agents.length,
    );
  return { winner, counts: sorted, withoutAnswer };
}

/**
 * Estimates how many tokens the cancellation saved: the mean length of the finished messages minus the tokens
 * that each cancelled message already had.
 */
export function savedTokens(ballots: readonly AgentTurn[]): number {
  const lengths = (status: AgentTurn['status']): number[] =>
    ballots.filter((ballot) => ballot.status === status).map(({ usage }) => usage.completionTokens);
  const finished = lengths('answered');
  const mean = finished.reduce((sum, length) => sum + length, 0) / finished.length;
  return Math.round(lengths('cancelled').reduce((sum, length) => sum + Math.max(0, mean - length), 0));
}
