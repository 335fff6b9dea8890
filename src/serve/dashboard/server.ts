/**
 * The dashboard on a port of this machine: reachable from here only, whatever the network.
 * @module
 */
import { createServer, type Server } from 'node:http';
import { serve } from '@hono/node-server';
import { ConfigError } from '../../support/errors.ts';
import { systemErrorCode } from '../../support/file-system.ts';
import type { WatchedRuns } from '../../watch/watched-runs.ts';
import { createDashboardApp } from './app.ts';

export interface Dashboard {
  /** `http://127.0.0.1:4600/`. */
  readonly url: string;
  /** Ends open streams too. */
  close(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';

/**
 * Starts to answer.
 *
 * @param port - 0: any free one
 * @throws ConfigError when the port is taken or may not be used
 */
export async function startDashboard(watched: WatchedRuns, port: number): Promise<Dashboard> {
  const app = createDashboardApp(watched);
  return await new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: LOOPBACK, port }, (address) => {
      const url = `http://${LOOPBACK}:${address.port}/`;
      resolve({ url, close: () => closeServer(server as Server) });
    });
    server.on('error', (cause: Error) => reject(portError(port, cause)));
  });
}

/** Takes a port for a moment, for whoever needs it later. @throws ConfigError when it cannot be had */
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
