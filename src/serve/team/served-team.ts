/**
 * A team that is served: who speaks, by which protocol, and what is done when a member does not answer.
 * @module
 */
import { createRelay } from '../../team/relay.ts';
import type { Protocol } from '../../team/team.ts';
import type { Member, Sampling } from '../member/member.ts';

export interface ServedTeam {
  /** How the team calls itself in reports; clients ask for `team`. */
  readonly name: string;
  /** Position is the id the protocol uses. */
  readonly members: readonly Member[];
  readonly protocol: Protocol;
  /** Fewest members that must answer for the team to answer. */
  readonly minMembers: number;
  /** Milliseconds a member has for one message, tries included. */
  readonly memberTimeoutMs: number;
  /** What votes are counted on; undefined where a text has no answer. */
  readonly answerOf: (text: string) => string | undefined;
  /**
   * Whether members write in different tokens, so that log-probabilities are compared per character, as
   * `rollout` does.
   */
  readonly isMixed: boolean;
  /** What clients get who say nothing else. */
  readonly defaults: Pick<Sampling, 'temperature' | 'maxTokens'>;
  /** Changes when what is served changes: `system_fingerprint`. */
  readonly fingerprint: string;
}

/** The name by which clients ask for the whole team. */
export const TEAM_MODEL = 'team';

/**
 * The text itself as an answer, for teams without a task: the same words are the same answer, however they
 * are spaced. Where all members differ, the plurality is the likeliest message.
 *
 * @example
 * textAnswer(' a  b\n'); // => 'a b'
 */
export function textAnswer(text: string): string | undefined {
  const single = text.normalize('NFC').trim().replace(/\s+/g, ' ');
  return single === '' ? undefined : single;
}

/** A member that answers alone: as the only speaker, with the draws it would have in its team. */
export function soloTeam(team: ServedTeam, id: number): ServedTeam {
  const protocol: Protocol = {
    ...createRelay(team.members.length),
    name: 'alone',
    maxTurns: 1,
    active: (turn) => (turn === 0 ? [id] : []),
  };
  return { ...team, protocol, minMembers: 1 };
}
