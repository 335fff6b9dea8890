/**
 * Which names a server without keys answers to. A page on the web can make its own name mean 127.0.0.1 (DNS
 * rebinding), and would then be a page of this very server to the browser; the `Host` header gives it away.
 * @module
 */
import { isIP } from 'node:net';

export interface HostOptions {
  /** Address the server is bound to. */
  readonly host: string;
  readonly allowedHosts: readonly string[];
}

/** @param header - `Host`, with or without a port */
export function isAllowedHost(header: string | undefined, { host, allowedHosts }: HostOptions): boolean {
  if (header === undefined) return true; // HTTP/1.0 and tools; a browser always sends it
  const name = header
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  return (
    isIP(name) !== 0 || name === 'localhost' || name === host.toLowerCase() || allowedHosts.includes(name)
  );
}

/** Whether an address is reachable from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
