/**
 * The host names that a server without API keys answers to. A web page can resolve its own host name to 127.0.0.1
 * (DNS rebinding) and would then have the same origin as this server; its requests carry that name in `Host`.
 * @module
 */
import { isIP } from 'node:net';
import { createMiddleware } from 'hono/factory';
import { ApiError } from '../api/errors.ts';
import type { Dependencies } from './dependencies.ts';
import type { ServerEnv } from './request-context.ts';

export interface AllowedHosts {
  /** Address that the server listens on. */
  readonly host: string;
  readonly allowedHosts: readonly string[];
}

/** Refuses other host names with 403, unless clients need an API key. */
export function requireAllowedHost({ apiKeys, options }: Pick<Dependencies, 'apiKeys' | 'options'>) {
  return createMiddleware<ServerEnv>(async (c, next) => {
    if (apiKeys === undefined && !isAllowedHost(c.req.header('host'), options))
      throw new ApiError(
        'the host name of this request is not allowed; start the server with --allow-host NAME to allow it',
        { status: 403, type: 'permission_error', code: 'host_not_allowed' },
      );
    await next();
  });
}

/** @param header - `Host`, with or without a port */
function isAllowedHost(header: string | undefined, { host, allowedHosts }: AllowedHosts): boolean {
  if (header === undefined) return true; // browsers always send it, HTTP/1.0 clients need not
  const name = header
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  return (
    isIP(name) !== 0 || name === 'localhost' || name === host.toLowerCase() || allowedHosts.includes(name)
  );
}

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
