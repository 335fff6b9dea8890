/**
 * The abort signal of a generation request. `hono/timeout` is not used: after its 504 response the handler
 * continues to run, and its timer stops when the handler returns, although a stream continues.
 * @module
 */
import { ApiError } from '../api/errors.ts';
import { ClientDisconnectedError } from './error-response.ts';

export interface RequestDeadline {
  /**
   * Aborts with ClientDisconnectedError when the client disconnects, and with ApiError (504) after the time
   * limit.
   */
  readonly signal: AbortSignal;
  /** Aborts the signal because the client disconnected. */
  disconnect(): void;
  /** Stops the timer and removes the listeners. */
  clear(): void;
}

/**
 * @param client - signal that aborts when the client's connection closes
 * @param limitMs - time limit of the request, milliseconds
 */
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
