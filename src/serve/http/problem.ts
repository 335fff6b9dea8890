/**
 * From whatever was thrown to an answer. Only what nobody foresaw is a 500, and it says nothing of itself.
 * @module
 */
import { ApiError } from '../api/errors.ts';

/** A client that closed the connection gets no answer; the log gets this status, as nginx writes it. */
const CLIENT_LEFT = 499;

export function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof Error && error.name === 'AbortError')
    return new ApiError('the client left', {
      status: CLIENT_LEFT,
      type: 'invalid_request_error',
      code: 'client_left',
    });
  return new ApiError('the server met a defect of its own; its log says more', {
    status: 500,
    type: 'server_error',
    code: 'internal_error',
    cause: error,
  });
}

export function errorResponse(error: ApiError): Response {
  const { status, retryAfter, headers = {} } = error.options;
  return new Response(JSON.stringify(error.body), {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
      ...headers,
    },
  });
}
