/**
 * Errors in the format of the OpenAI API: `{error: {message, type, param, code}}`. Clients of this API
 * display `message`, branch on `code`, and highlight the request field `param`.
 * @module
 */
import { z } from 'zod';

export type ErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'permission_error'
  | 'not_found_error'
  | 'rate_limit_error'
  | 'server_error';

export interface ApiErrorOptions {
  /** HTTP status. */
  readonly status: number;
  readonly type: ErrorType;
  readonly code: string;
  /** Name of the invalid field, e.g. `messages[0].role`. */
  readonly param?: string;
  /** Value of the `Retry-After` header, seconds. */
  readonly retryAfter?: number;
  /** Additional headers of the error response. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly options: ApiErrorOptions;

  constructor(message: string, options: ApiErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.options = options;
  }

  get body(): z.output<typeof errorSchema> {
    const { type, param = null, code } = this.options;
    return { error: { message: this.message, type, param, code } };
  }
}

export const errorSchema = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable().describe('The invalid field of the request.'),
    code: z.string().nullable(),
  }),
});

/** Creates the error for an invalid request field (status 400). */
export function invalid(param: string | undefined, message: string, code = 'invalid_value'): ApiError {
  return new ApiError(message, {
    status: 400,
    type: 'invalid_request_error',
    code,
    ...(param === undefined ? {} : { param }),
  });
}
