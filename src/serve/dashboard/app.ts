/**
 * The HTTP interface of the dashboard: the page, the facts of each run, and a stream of new event rows. The
 * interface is read-only. It answers only requests for a local host name, so that a website cannot read runs
 * by resolving its own host name to this machine (DNS rebinding).
 * @module
 */
import { readFileSync } from 'node:fs';
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { TroupeError } from '../../support/errors.ts';
import { packageFile } from '../../support/package-root.ts';
import { compareLatestEvaluations } from '../../watch/compare-evaluations.ts';
import type { RunSummary, StreamMessage } from '../../watch/dashboard-api.ts';
import { metricsCsv } from '../../watch/metrics-csv.ts';
import type { WatchedRun, WatchedRuns } from '../../watch/watched-runs.ts';
import { EventQueue } from '../event-queue.ts';
import { securityHeaders } from '../security-headers.ts';

const ASSETS: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '/': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/app.js': { file: 'app.js', type: 'text/javascript; charset=utf-8' },
  '/app.css': { file: 'app.css', type: 'text/css; charset=utf-8' },
};
const BUILT = 'web/dashboard/built/';

/** Matches local host names with any port. */
const LOCAL_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

/** Longest pause of the event stream, milliseconds. A comment is sent if there is no event for this time. */
const HEARTBEAT_MS = 15_000;

export function createDashboardApp(watched: WatchedRuns): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    if (!LOCAL_HOST.test(c.req.header('host') ?? ''))
      return c.text('troupe watch: expected a request for localhost; open the address it printed\n', 403);
    await next();
    c.header('Cache-Control', 'no-store');
  });
  app.use(securityHeaders('blob:'));
  for (const [path, { file, type }] of Object.entries(ASSETS))
    app.get(path, (c) =>
      c.body(readFileSync(packageFile(BUILT + file), 'utf8'), 200, { 'Content-Type': type }),
    );
  addApi(app, watched);
  app.notFound((c) => c.json({ error: `unknown URL: ${c.req.path}` }, 404));
  app.onError((error, c) => {
    const message = error instanceof TroupeError ? error.message : `${error.name}: ${error.message}`;
    return c.json({ error: message }, 500);
  });
  return app;
}

function addApi(app: Hono, watched: WatchedRuns): void {
  const runOf = (id: string): WatchedRun | undefined => watched.runs.find((run) => run.id === id);
  app.get('/api/runs', (c) =>
    c.json(watched.runs.map(({ id, label, dir, facts }): RunSummary => ({ id, label, dir, facts }))),
  );
  app.get('/api/compare', (c) => c.json(compareLatestEvaluations(watched.runs)));
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
      const queue = new EventQueue<StreamMessage>();
      const unsubscribe = watched.subscribe((run, rows, restarted) => queue.push({ run, rows, restarted }));
      stream.onAbort(() => {
        unsubscribe();
        queue.close();
      });
      while (!stream.aborted) {
        const messages = (await queue.take(HEARTBEAT_MS)) ?? [];
        if (messages.length === 0 && !stream.aborted) await stream.write(': waiting\n\n');
        for (const message of messages) await stream.writeSSE({ data: JSON.stringify(message) });
      }
    }),
  );
}
