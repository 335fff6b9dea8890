/**
 * What happens around every request, whatever it asks for: an id, the host it names, one log line, and
 * errors in the API's words.
 * @module
 */
import { randomUUID } from 'node:crypto';
import type { Context } from 'hono';
import type { KeyEntry } from '../access/key-file.ts';
import { ApiError } from '../api/errors.ts';
import { isAllowedHost } from './host.ts';
import type { AppParts } from './parts.ts';
import { apiErrorOf, errorResponse } from './problem.ts';

/** What is known of a request from its first byte on. */
export interface Visit {
  readonly id: string;
  readonly start: number;
  readonly route: string;
  key: string | undefined;
  /** What the log line says beside the usual. */
  readonly notes: Record<string, unknown>;
  readonly headers: Record<string, string>;
}

/** Everything around a handler; never throws. */
export async function visited(
  parts: AppParts,
  c: Context,
  route: string,
  handle: (visit: Visit) => Response | Promise<Response>,
): Promise<Response> {
  const given = c.req.header('x-request-id') ?? '';
  const visit: Visit = {
    id: /^[\w.:-]{1,64}$/.test(given) ? given : randomUUID(),
    start: performance.now(),
    route,
    key: undefined,
    notes: {},
    headers: {},
  };
  let response: Response;
  try {
    requireHost(parts, c);
    response = await handle(visit);
  } catch (error) {
    response = errorResponse(problemOf(parts, visit, error));
  }
  const headers = { 'x-request-id': visit.id, 'x-content-type-options': 'nosniff', ...visit.headers };
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  if (parts.isStopping()) response.headers.set('connection', 'close');
  if (visit.notes.streamed !== true) finishVisit(parts, visit, response.status);
  return response;
}

/** Whatever was thrown, as the client is told; noted for the log line, a defect with all that is known of it. */
export function problemOf({ log }: AppParts, visit: Visit, error: unknown): ApiError {
  const problem = apiErrorOf(error);
  const { code, param } = problem.options;
  if (code === 'internal_error') log.error({ request_id: visit.id, err: error }, 'a defect of the server');
  visit.notes.code = code;
  if (param !== undefined) visit.notes.param = param;
  return problem;
}

/** Counts and logs a request that is over. */
export function finishVisit(
  { metrics, log }: AppParts,
  { id, start, route, key, notes }: Visit,
  status: number,
): void {
  const seconds = (performance.now() - start) / 1000;
  metrics.request(route, status, seconds);
  if (route === '/healthz' || route === '/readyz' || route === '/metrics') return;
  const line = {
    request_id: id,
    route,
    status,
    duration_ms: Math.round(seconds * 1000),
    ...(key === undefined ? {} : { api_key_name: key }),
    ...notes,
  };
  if (status >= 500) log.warn(line, 'request');
  else log.info(line, 'request');
}

/** A page of another origin must not talk to a server without keys by giving this machine its own name. */
function requireHost({ authenticator, options }: AppParts, c: Context): void {
  if (authenticator !== undefined || isAllowedHost(c.req.header('host'), options)) return;
  throw new ApiError(
    'this server answers to its own names alone; start it with --allow-host NAME for another',
    {
      status: 403,
      type: 'permission_error',
      code: 'host_not_allowed',
    },
  );
}

/** Whose request it is. @throws ApiError (401) */
export function identify({ authenticator }: AppParts, c: Context, visit: Visit): KeyEntry | undefined {
  const entry = authenticator?.authenticate(c.req.header('authorization'));
  visit.key = entry?.name;
  return entry;
}
