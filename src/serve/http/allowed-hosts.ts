/**
 * The host names in the `Host` header that a server without API keys accepts. A malicious web page can
 * resolve its own host name to 127.0.0.1 (DNS rebinding), so that the browser treats this server as the
 * page's origin. The requests of such a page have the page's host name in `Host` and are refused.
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

/** Refuses requests for other host names with 403, unless clients need an API key. */
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

/** Returns whether a request may be answered. @param header - value of `Host`, with or without a port */
function isAllowedHost(header: string | undefined, { host, allowedHosts }: AllowedHosts): boolean {
  if (header === undefined) return true; // browsers always send `Host`; HTTP/1.0 clients may omit it
  const name = header
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  return (
    isIP(name) !== 0 || name === 'localhost' || name === host.toLowerCase() || allowedHosts.includes(name)
  );
}

/** Whether an address is reachable only from this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
