/**
 * One turn of one agent: its message, or the reason why it has none. The failure or cancellation of an agent
 * is returned, not thrown, because the team can answer without this agent.
 * @module
 */
import {
  AgentError,
  type AgentMessage,
  type AgentRequest,
  type ServedAgent,
  type TokenUsage,
} from '../agent/served-agent.ts';
import { LinkedAbort } from '../linked-abort.ts';
import type { AgentTurn } from './team-answer.ts';

export interface AgentTurnOptions {
  readonly turn: number;
  /** Id of the agent. */
  readonly id: number;
  readonly request: AgentRequest;
  /** Aborts when the vote is decided and the agent's message is no longer needed. */
  readonly decided: AbortSignal;
  /** Time limit of the turn including all attempts, milliseconds. */
  readonly timeoutMs: number;
  /** Extracts the answer of a message; undefined if it has none. */
  readonly answerOf: (message: AgentMessage) => string | undefined;
  /** Returns whether a message counts as no answer, because it was cut off. */
  readonly isRejected: (message: AgentMessage) => boolean;
}

/** @throws the reason of the request's signal if it aborts; errors of the agent that are no AgentError */
export async function runAgentTurn(
  agent: ServedAgent,
  { turn, id, request, decided, timeoutMs, answerOf, isRejected }: AgentTurnOptions,
): Promise<AgentTurn> {
  const start = performance.now();
  const abort = new LinkedAbort(request.signal, decided);
  const timeout = new AgentError(
    `agent ${agent.name}: expected an answer within ${timeoutMs / 1000} s, got none`,
    { code: 'timeout' },
  );
  const timer = setTimeout(() => abort.abort(timeout), timeoutMs);
  let usage: TokenUsage = { promptTokens: 0, completionTokens: 0 };
  try {
    const message = await agent.generate({
      ...request,
      signal: abort.signal,
      onUsage: (now) => {
        usage = now;
      },
    });
    const answer = answerOf(message);
    return {
      status: 'answered',
      turn,
      agent: id,
      name: agent.name,
      message,
      ...(answer === undefined ? {} : { answer }),
      isRejected: isRejected(message),
      attempts: message.attempts,
      usage: message.usage,
      durationMs: performance.now() - start,
    };
  } catch (error) {
    request.signal.throwIfAborted();
    const { reason } = abort.signal;
    const record = { turn, agent: id, name: agent.name, usage, durationMs: performance.now() - start };
    if (decided.aborted && reason === decided.reason) return { ...record, status: 'cancelled', attempts: 1 };
    const cause = reason === timeout ? timeout : error;
    if (!(cause instanceof AgentError)) throw error;
    const { code, message, attempts } = cause;
    return { ...record, status: 'failed', error: { code, message }, attempts };
  } finally {
    clearTimeout(timer);
    abort.unlink();
  }
}
