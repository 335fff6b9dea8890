/**
 * Error responses in the format of the OpenAI API. An unexpected error is logged, and the client gets a 500
 * without details.
 * @module
 */
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { ApiError } from '../api/errors.ts';
import type { Dependencies } from './dependencies.ts';
import type { ServerContext } from './request-context.ts';

/** Error for a client that closed the connection before the response. */
export class ClientDisconnectedError extends Error {
  override readonly name = 'ClientDisconnectedError';

  constructor(options?: ErrorOptions) {
    super('the client disconnected', options);
  }
}

/** Status that is logged when a client disconnects, as in nginx. No client receives this status. */
const CLIENT_CLOSED_REQUEST = 499;

/** Converts an error thrown by a handler or middleware to an error response. */
export function handleError(deps: Dependencies, error: unknown, c: ServerContext): Response {
  const { options, body } = recordError(deps, error, c);
  const { status, retryAfter, headers } = options;
  return c.json(body, status as ContentfulStatusCode, {
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    ...headers,
  });
}

/**
 * Adds an error to the request's log line. An unexpected error is also logged in a separate line.
 *
 * @returns the error for the client
 */
export function recordError({ log }: Dependencies, error: unknown, c: ServerContext): ApiError {
  const apiError = toApiError(error);
  const { code, param } = apiError.options;
  if (apiError !== error && code === 'internal_error')
    log.error({ request_id: c.get('requestId'), err: error }, 'internal server error');
  // pages have no log line
  Object.assign(c.get('logFields') ?? {}, { code, ...(param === undefined ? {} : { param }) });
  return apiError;
}

function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof ClientDisconnectedError)
    return new ApiError(error.message, {
      status: CLIENT_CLOSED_REQUEST,
      type: 'invalid_request_error',
      code: 'client_disconnected',
    });
  return new ApiError('internal server error; the log of the server has the details', {
    status: 500,
    type: 'server_error',
    code: 'internal_error',
    cause: error,
  });
}
