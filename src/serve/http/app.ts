/**
 * The routes of the server.
 * @module
 */
import { type Context, Hono } from 'hono';
import { ApiError } from '../api/errors.ts';
import { addChatPage } from './chat-page.ts';
import { complete, completions } from './complete.ts';
import { openApiDocument } from './openapi.ts';
import type { AppParts } from './parts.ts';
import { identify, type Visit, visited } from './visit.ts';

export function createApp(parts: AppParts): Hono {
  const app = new Hono();
  const { options, models } = parts;
  addChatPage(app);
  const document = openApiDocument(parts.version);
  const open = (
    route: string,
    answer: (c: Context, visit: Visit) => Response | Promise<Response>,
    isPublic = false,
  ): void => {
    app.get(route, (c) =>
      visited(parts, c, route, async (visit) => {
        if (!isPublic) identify(parts, c, visit);
        return answer(c, visit);
      }),
    );
  };
  open('/healthz', (c) => c.json({ status: 'ok' }), true);
  open('/readyz', (c) => readiness(parts, c), true);
  open('/openapi.json', (c) => c.json(document), true);
  open('/metrics', async (c) =>
    c.text(await parts.metrics.registry.metrics(), 200, {
      'content-type': parts.metrics.registry.contentType,
    }),
  );
  open('/v1/models', (c) => c.json(models.list()));
  open('/v1/models/:model', (c) => c.json(models.describe(models.get(c.req.param('model') ?? '', 'model'))));
  for (const completing of completions(models, options)) {
    app.post(completing.route, (c) =>
      visited(parts, c, completing.route, (visit) => complete(parts, c, { visit, completing })),
    );
    app.all(completing.route, (c) =>
      visited(parts, c, completing.route, () => {
        throw new ApiError(`expected POST, got ${c.req.method}`, {
          status: 405,
          type: 'invalid_request_error',
          code: 'method_not_allowed',
          headers: { allow: 'POST' },
        });
      }),
    );
  }
  app.notFound((c) =>
    visited(parts, c, 'other', () => {
      throw new ApiError(`nothing is at ${c.req.method} ${c.req.path.slice(0, 100)}`, {
        status: 404,
        type: 'invalid_request_error',
        code: 'unknown_url',
      });
    }),
  );
  return app;
}

function readiness({ team, isStopping }: AppParts, c: Context): Response {
  const members = team.members.map((member) => ({
    name: member.name,
    kind: member.kind,
    ...member.health(),
  }));
  const ready = members.filter((member) => member.ready).length;
  const isReady = !isStopping() && ready >= Math.max(1, team.minMembers);
  const status = isStopping() ? 'stopping' : isReady ? 'ready' : 'too few members answer';
  return c.json({ status, min_members: team.minMembers, members }, isReady ? 200 : 503);
}
