/**
 * The dashboard's HTTP interface: the page, what is known of each run, and a stream of news. Read-only.
 * The page may load nothing from elsewhere, and only a browser that asked for this machine by a local
 * name is answered, so that a website cannot read runs through a name of its own (DNS rebinding).
 * @module
 */
import { readFileSync } from 'node:fs';
import { Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { streamSSE } from 'hono/streaming';
import { TroupeError } from '../../support/errors.ts';
import { packageFile } from '../../support/package-root.ts';
import { compareEnds } from '../../watch/compare.ts';
import type { WatchedRun, WatchHub } from '../../watch/hub.ts';
import type { RunSummary, StreamMessage } from '../../watch/messages.ts';
import { metricsCsv } from '../../watch/metrics-table.ts';

const ASSETS: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '/': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/app.js': { file: 'app.js', type: 'text/javascript; charset=utf-8' },
  '/app.css': { file: 'app.css', type: 'text/css; charset=utf-8' },
};
const BUILT = 'web/dashboard/built/';

/** Names a browser on this machine may have asked for; any port. */
const LOCAL_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

/** Silence after which a stream gets a sign of life, ms. */
const HEARTBEAT_MS = 15_000;

export function createDashboardApp(hub: WatchHub): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    if (!LOCAL_HOST.test(c.req.header('host') ?? ''))
      return c.text('troupe watch: expected a request for localhost; open the address it printed\n', 403);
    await next();
    c.header('Cache-Control', 'no-store');
  });
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        connectSrc: ["'self'"],
        imgSrc: ["'self'", 'data:', 'blob:'],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
      strictTransportSecurity: false,
      referrerPolicy: 'no-referrer',
    }),
  );
  for (const [path, { file, type }] of Object.entries(ASSETS))
    app.get(path, (c) =>
      c.body(readFileSync(packageFile(BUILT + file), 'utf8'), 200, { 'Content-Type': type }),
    );
  addApi(app, hub);
  app.notFound((c) => c.json({ error: `nothing at ${c.req.path}` }, 404));
  app.onError((error, c) => {
    const message = error instanceof TroupeError ? error.message : `${error.name}: ${error.message}`;
    return c.json({ error: message }, 500);
  });
  return app;
}

function addApi(app: Hono, hub: WatchHub): void {
  const runOf = (id: string): WatchedRun | undefined => hub.runs.find((run) => run.id === id);
  app.get('/api/runs', (c) =>
    c.json(hub.runs.map(({ id, label, dir, facts }): RunSummary => ({ id, label, dir, facts }))),
  );
  app.get('/api/compare', (c) => c.json(compareEnds(hub.runs)));
  app.get('/api/runs/:id/prompts', (c) => {
    const run = runOf(c.req.param('id'));
    return run ? c.json(run.transcripts.prompts()) : c.notFound();
  });
  app.get('/api/runs/:id/transcripts', (c) => {
    const run = runOf(c.req.param('id'));
    const { item = '', stage = '' } = c.req.query();
    if (!run) return c.notFound();
    if (!/^\d+$/.test(stage)) return c.json({ error: `stage: expected a number, got "${stage}"` }, 400);
    return c.json(run.transcripts.transcripts(item, Number(stage)));
  });
  app.get('/api/runs/:id/metrics.csv', (c) => {
    const run = runOf(c.req.param('id'));
    if (!run) return c.notFound();
    return c.body(metricsCsv(run.dir), 200, {
      'Content-Type': 'text/csv; charset=utf-8',
      'Content-Disposition': `attachment; filename="${run.label.replaceAll(/[^\w.-]/g, '_')}-metrics.csv"`,
    });
  });
  app.get('/api/stream', (c) =>
    streamSSE(c, async (stream) => {
      // news is queued: writes must not overlap, and a slow reader must not hold up the others
      const queue: StreamMessage[] = [];
      let wake = (): void => {};
      const unsubscribe = hub.subscribe((run, rows, restarted) => {
        queue.push({ run, rows, restarted });
        wake();
      });
      stream.onAbort(() => {
        unsubscribe();
        wake();
      });
      while (!stream.aborted) {
        for (const message of queue.splice(0)) await stream.writeSSE({ data: JSON.stringify(message) });
        if (queue.length > 0 || stream.aborted) continue;
        const slept = new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, HEARTBEAT_MS);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        await slept;
        if (queue.length === 0 && !stream.aborted) await stream.write(': still here\n\n');
      }
      unsubscribe();
    }),
  );
}
