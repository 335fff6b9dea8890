/**
 * A protocol module: agent 0 answers, then the other agents answer without seeing its answer. If two of them
 * agree on a different answer, their answer replaces that of agent 0. A team file uses it by
 * `protocol: { kind: module, path: second-opinion.ts }`.
 */
import { createProtocol, type Protocol, type ProtocolMessage } from 'troupe';

export default function secondOpinion(agents: number): Protocol {
  const { view } = createProtocol({ kind: 'vote' }, agents); // shows the prompt alone
  return {
    name: 'second opinion',
    maxTurns: 2,
    agentsAnswer: true, // every message is an answer, so `reward.agent` may be used
    active: (turn) => {
      if (turn === 0) return [0];
      return turn === 1 ? Array.from({ length: agents - 1 }, (_, n) => n + 1) : [];
    },
    view,
    decide(
      messages: readonly ProtocolMessage[],
      answerOf: (message: ProtocolMessage) => string | undefined,
    ): ProtocolMessage {
      const [first, ...others] = messages as [ProtocolMessage, ...ProtocolMessage[]];
      const agreed = others.find((one) => {
        const answer = answerOf(one);
        const isShared = others.some((other) => other !== one && answerOf(other) === answer);
        return answer !== undefined && answer !== answerOf(first) && isShared;
      });
      return agreed ?? first;
    },
  };
}
