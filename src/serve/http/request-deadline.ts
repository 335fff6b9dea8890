/**
 * The abort signal of a generation request. `hono/timeout` is not used: it answers 504 but lets the handler run on,
 * and it ends with the handler, while a stream continues after it.
 * @module
 */
import { ApiError } from '../api/errors.ts';
import { ClientDisconnectedError } from './error-response.ts';

export interface RequestDeadline {
  /** Aborts on a client disconnect (ClientDisconnectedError) and after the time limit (ApiError 504). */
  readonly signal: AbortSignal;
  /** Aborts the signal because the client disconnected. */
  disconnect(): void;
  /** Stops the timer and listeners. */
  clear(): void;
}

/** @param client - aborts when the connection closes */
export function startDeadline(client: AbortSignal, limitMs: number): RequestDeadline {
  const controller = new AbortController();
  const disconnect = (): void => controller.abort(new ClientDisconnectedError());
  if (client.aborted) disconnect();
  client.addEventListener('abort', disconnect, { once: true });
  const timeout = new ApiError(`expected an answer within ${limitMs / 1000} s, got none`, {
    status: 504,
    type: 'server_error',
    code: 'timeout',
    retryAfter: 1,
  });
  const timer = setTimeout(() => controller.abort(timeout), limitMs);
  return {
    signal: controller.signal,
    disconnect,
    clear: () => {
      clearTimeout(timer);
      client.removeEventListener('abort', disconnect);
    },
  };
}
