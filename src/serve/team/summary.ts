/**
 * From messages to what is told about them: the vote, the answer's own tokens, what early stopping saved.
 * @module
 */
import type { SpokenMessage } from '../../team/team.ts';
import type { TokenLogprob } from '../member/member.ts';
import type { MemberTurn, Said, VoteCount } from './team-answer.ts';

/** A blank that the protocol puts between parts: certain, so its log-probability is 0. */
const JOINT: TokenLogprob = { token: ' ', logprob: 0, bytes: [32], top: [] };

/**
 * How the answer ended and the log-probabilities of its tokens: those of the message that it is, or, where
 * the protocol joined messages, of all of them.
 */
export function decidedMessage(
  decided: SpokenMessage,
  spoken: readonly SpokenMessage[],
  said: readonly Said[],
): { readonly finish: 'stop' | 'length'; readonly logprobs?: readonly TokenLogprob[] } {
  const one = said[spoken.indexOf(decided)];
  if (one) {
    const { finish, logprobs } = one.message;
    return { finish, ...(logprobs.length > 0 ? { logprobs } : {}) };
  }
  const parts = said
    .filter(({ turn }) => turn === decided.turn)
    .sort((a, b) => a.member - b.member)
    .map(({ message }) => message);
  const finish = parts.some((part) => part.finish === 'length') ? 'length' : 'stop';
  const isJoined = parts.map(({ text }) => text).join(' ') === decided.text;
  if (!isJoined || parts.some(({ logprobs }) => logprobs.length === 0)) return { finish };
  return {
    finish,
    logprobs: parts.flatMap(({ logprobs }, at) => (at === 0 ? logprobs : [JOINT, ...logprobs])),
  };
}

/** @param ballots - messages of the last turn */
export function countVote(
  ballots: readonly MemberTurn[],
  winner: string | undefined,
  names: readonly string[],
): VoteCount {
  const counts = new Map<string, string[]>();
  const withoutAnswer: string[] = [];
  for (const { status, answer, member } of [...ballots].sort((a, b) => a.member - b.member)) {
    if (status !== 'answered') continue;
    const name = names[member] as string;
    if (answer === undefined) withoutAnswer.push(name);
    else counts.set(answer, [...(counts.get(answer) ?? []), name]);
  }
  const sorted = [...counts]
    .map(([answer, members]) => ({ answer, members }))
    .sort(
      (a, b) =>
        Number(b.answer === winner) - Number(a.answer === winner) || b.members.length - a.members.length,
    );
  return { winner, counts: sorted, withoutAnswer };
}

/** Tokens that cancelled messages were still to write, were they as long as the finished ones on average. */
export function savedTokens(ballots: readonly MemberTurn[]): number {
  const finished = ballots.filter(({ status }) => status === 'answered');
  const mean = finished.reduce((sum, { completionTokens }) => sum + completionTokens, 0) / finished.length;
  const saved = ballots
    .filter(({ status }) => status === 'cancelled')
    .reduce((sum, { completionTokens }) => sum + Math.max(0, mean - completionTokens), 0);
  return Math.round(saved);
}
