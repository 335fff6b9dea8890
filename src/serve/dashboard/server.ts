/**
 * The dashboard on a port of this machine: reachable from here only, whatever the network.
 * @module
 */
import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
import { ConfigError } from '../../support/errors.ts';
import { systemErrorCode } from '../../support/file-system.ts';
import type { WatchHub } from '../../watch/hub.ts';
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
export async function startDashboard(hub: WatchHub, port: number): Promise<Dashboard> {
  const app = createDashboardApp(hub);
  return await new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: LOOPBACK, port }, (address) => {
      const url = `http://${LOOPBACK}:${address.port}/`;
      resolve({ url, close: () => closeServer(server as Server) });
    });
    server.on('error', (cause: Error) => {
      const code = systemErrorCode(cause);
      const what =
        code === 'EADDRINUSE' ? 'one in use' : code === 'EACCES' ? 'one that needs rights' : cause.message;
      reject(
        new ConfigError(
          `watch --port: expected a free port, got ${port}, ${what}; choose another, or 0 for any free one`,
          { code: 'TROUPE_WATCH_PORT', cause },
        ),
      );
    });
  });
}

async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
