/**
 * The chat page at `/`: three files, served as they are. No script but its own runs, nothing is fetched from
 * elsewhere, nobody can frame it.
 * @module
 */
import { readFileSync } from 'node:fs';
import type { Hono } from 'hono';
import { packageFile } from '../../support/package-root.ts';

const FOLDER = 'web/chat/';

const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/chat.css': ['chat.css', 'text/css; charset=utf-8'],
  '/chat.js': ['chat.js', 'text/javascript; charset=utf-8'],
};

export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

export function addChatPage(app: Hono): void {
  for (const [path, [file, type]] of Object.entries(FILES)) {
    const body = readFileSync(packageFile(FOLDER + file), 'utf8');
    app.get(path, (c) =>
      c.body(body, 200, { ...PAGE_HEADERS, 'content-type': type, 'cache-control': 'no-cache' }),
    );
  }
}
