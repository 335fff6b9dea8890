/**
 * Serves the chat page at `/`, which consists of three static files.
 * @module
 */
import { serveStatic } from '@hono/node-server/serve-static';
import type { Hono } from 'hono';
import { packageFile } from '../../support/package-root.ts';
import type { ServerEnv } from './request-context.ts';

const FOLDER = packageFile('web/chat/');

const FILES: Readonly<Record<string, string>> = {
  '/': 'index.html',
  '/chat.css': 'chat.css',
  '/chat.js': 'chat.js',
};

export function addChatPage(app: Hono<ServerEnv>): void {
  for (const [route, path] of Object.entries(FILES))
    app.get(
      route,
      serveStatic({ root: FOLDER, path, onFound: (_, c) => c.header('cache-control', 'no-cache') }),
    );
}
