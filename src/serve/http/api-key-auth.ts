/**
 * Middleware that requires an API key as a bearer token.
 * @module
 */
import type { MiddlewareHandler } from 'hono';
import { bearerAuth } from 'hono/bearer-auth';
import type { ApiKeys } from '../access/api-keys.ts';
import { ApiError } from '../api/errors.ts';
import type { ServerEnv } from './request-context.ts';

/** @param keys - the valid API keys; undefined: no key is required */
export function apiKeyAuth(keys: ApiKeys | undefined): MiddlewareHandler<ServerEnv> {
  if (keys === undefined) return (_, next) => next();
  const missing = (): never => {
    throw unauthorized("no API key: expected 'Authorization: Bearer KEY'", 'missing_api_key');
  };
  return bearerAuth<ServerEnv>({
    verifyToken: (token, c) => {
      c.set('apiKey', keys.find(token));
      return c.get('apiKey') !== undefined;
    },
    noAuthenticationHeader: { message: missing },
    invalidAuthenticationHeader: { message: missing },
    invalidToken: {
      message: () => {
        throw unauthorized('incorrect API key', 'invalid_api_key');
      },
    },
  });
}

function unauthorized(message: string, code: string): ApiError {
  return new ApiError(message, {
    status: 401,
    type: 'authentication_error',
    code,
    headers: { 'www-authenticate': 'Bearer' },
  });
}
