/**
 * Serves the dashboard on the loopback address, which only this machine can reach.
 * @module
 */
import { createServer, type Server } from 'node:http';
import { serve } from '@hono/node-server';
import { ConfigError } from '../../support/errors.ts';
import { systemErrorCode } from '../../support/file-system.ts';
import type { WatchedRuns } from '../../watch/watched-runs.ts';
import { createDashboardApp } from './app.ts';

export interface Dashboard {
  /** URL of the page, e.g. `http://127.0.0.1:4600/`. */
  readonly url: string;
  /** Also ends open streams. */
  close(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';

/**
 * Starts the dashboard's server.
 *
 * @param port - port to listen on; 0: any free port
 * @throws ConfigError if the port is in use or needs privileges
 */
export async function startDashboard(watched: WatchedRuns, port: number): Promise<Dashboard> {
  const app = createDashboardApp(watched);
  return await new Promise((resolve, reject) => {
    const options = { fetch: app.fetch, hostname: LOOPBACK, port, overrideGlobalObjects: false };
    const server = serve(options, (address) => {
      const url = `http://${LOOPBACK}:${address.port}/`;
      resolve({ url, close: () => closeServer(server as Server) });
    });
    server.on('error', (cause: Error) => reject(portError(port, cause)));
  });
}

/**
 * Checks that a port is available by listening on it briefly. @throws ConfigError if the port is not
 * available
 */
export async function assertPortFree(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const server = createServer();
    server.on('error', (cause) => reject(portError(port, cause)));
    server.listen(port, LOOPBACK, () => server.close(() => resolve()));
  });
}

function portError(port: number, cause: Error): ConfigError {
  const code = systemErrorCode(cause);
  const why =
    code === 'EADDRINUSE' ? 'one in use' : code === 'EACCES' ? 'one that needs rights' : cause.message;
  return new ConfigError(
    `dashboard: expected a free port, got ${port}, ${why}; choose another, or 0 for any free one`,
    { code: 'TROUPE_WATCH_PORT', cause },
  );
}

async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
