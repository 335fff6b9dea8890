/**
 * Writes one log line and records one metrics sample per request. `hono/logger` is not used: it writes plain
 * text, and it logs when the handler returns, which is before a stream ends.
 * @module
 */
import { createMiddleware } from 'hono/factory';
import { routePath } from 'hono/route';
import type { Dependencies } from './dependencies.ts';
import type { ServerContext, ServerEnv } from './request-context.ts';

/** Routes that are not logged, because monitoring systems request them every few seconds. */
const UNLOGGED: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

/** Middleware that sets the variables of the request, and logs the request when its response is ready. */
export function requestLog(deps: Dependencies) {
  return createMiddleware<ServerEnv>(async (c, next) => {
    c.set('startMs', performance.now());
    c.set('logFields', {});
    c.set('isStreaming', false);
    await next();
    if (deps.isStopping()) c.header('connection', 'close');
    if (!c.get('isStreaming')) recordRequest(deps, c, c.res.status);
  });
}

/** Logs a finished request and counts it in the metrics. */
export function recordRequest({ metrics, log }: Dependencies, c: ServerContext, status: number): void {
  const seconds = (performance.now() - c.get('startMs')) / 1000;
  const route = routeOf(c);
  metrics.recordRequest(route, status, seconds);
  if (UNLOGGED.has(route)) return;
  const apiKey = c.get('apiKey');
  const fields = {
    request_id: c.get('requestId'),
    route,
    status,
    duration_ms: Math.round(seconds * 1000),
    ...(apiKey === undefined ? {} : { api_key_name: apiKey.name }),
    ...c.get('logFields'),
  };
  if (status >= 500) log.warn(fields, 'request');
  else log.info(fields, 'request');
}

/**
 * Returns the registered route of a request, or `other`. Metrics labels must not contain text from clients,
 * such as URLs.
 */
export function routeOf(c: ServerContext): string {
  const route = routePath(c, -1);
  return route.endsWith('*') ? 'other' : route;
}
