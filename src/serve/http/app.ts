/**
 * The routes of the server. A generation request passes these files in order:
 *
 *     http/app.ts                  middleware: security headers, request id, log line, host name, API key
 *     http/completion-handler.ts   rate limit, body, admission, deadline
 *     api/endpoints.ts             validates the body: chat-completions.ts or completions.ts
 *     api/generate-choices.ts      one run of the protocol per choice
 *     team/run-protocol.ts         the turns of the protocol, the vote, early stopping
 *     team/agent-turn.ts           one message of one agent, with a time limit
 *     agent/embedded-agent.ts      tokenizes the prompt and calls the model in this process
 *     agent/endpoint-agent.ts      or calls a model behind an OpenAI-compatible endpoint
 *
 * The response passes the same files in reverse. A streamed response also passes `http/event-stream.ts`.
 * @module
 */
import { Hono } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { requestId } from 'hono/request-id';
import { generationEndpoints } from '../api/endpoints.ts';
import { ApiError } from '../api/errors.ts';
import { securityHeaders } from '../security-headers.ts';
import { requireAllowedHost } from './allowed-hosts.ts';
import { apiKeyAuth } from './api-key-auth.ts';
import { addChatPage } from './chat-page.ts';
import { completionHandler } from './completion-handler.ts';
import type { Dependencies } from './dependencies.ts';
import { handleError } from './error-response.ts';
import { openApiDocument } from './openapi.ts';
import type { ServerContext, ServerEnv } from './request-context.ts';
import { requestLog } from './request-log.ts';

/** Maximum length of a client's `x-request-id`. A longer one is replaced by a generated id. */
const MAX_REQUEST_ID_LENGTH = 64;

export function createApp(deps: Dependencies): Hono<ServerEnv> {
  const app = new Hono<ServerEnv>();
  app.onError((error, c) => handleError(deps, error, c));
  app.notFound((c) => handleError(deps, unknownUrl(c), c));

  app.use(securityHeaders());
  // comes before the log middleware, because requests for pages are neither logged nor counted
  addChatPage(app);
  app.use(requestId({ limitLength: MAX_REQUEST_ID_LENGTH }));
  app.use(requestLog(deps));
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) => handleError(deps, wrongMethod(c, methods), c),
    }),
  );
  app.use(requireAllowedHost(deps));

  const document = openApiDocument(deps.version);
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', (c) => readiness(deps, c));
  app.get('/openapi.json', (c) => c.json(document));

  const auth = apiKeyAuth(deps.apiKeys);
  const { models, metrics, options } = deps;
  app.get('/metrics', auth, async (c) =>
    c.text(await metrics.registry.metrics(), 200, { 'content-type': metrics.registry.contentType }),
  );
  app.get('/v1/models', auth, (c) => c.json(models.list()));
  app.get('/v1/models/:model', auth, (c) =>
    c.json(models.describe(models.get(c.req.param('model'), 'model'))),
  );
  for (const endpoint of generationEndpoints(models, options.api))
    app.post(endpoint.route, auth, completionHandler(deps, endpoint));
  return app;
}

function readiness({ team, isStopping }: Dependencies, c: ServerContext): Response {
  const agents = team.agents.map((agent) => ({ name: agent.name, kind: agent.kind, ...agent.health() }));
  const ready = agents.filter((agent) => agent.ready).length;
  const isReady = !isStopping() && ready >= Math.max(1, team.minAgents);
  const status = isStopping() ? 'stopping' : isReady ? 'ready' : 'too few agents are ready';
  return c.json({ status, min_agents: team.minAgents, agents }, isReady ? 200 : 503);
}

function unknownUrl(c: ServerContext): ApiError {
  return new ApiError(`unknown URL: ${c.req.method} ${c.req.path.slice(0, 100)}`, {
    status: 404,
    type: 'invalid_request_error',
    code: 'unknown_url',
  });
}

function wrongMethod(c: ServerContext, methods: readonly string[]): ApiError {
  return new ApiError(`expected ${methods.join(' or ')}, got ${c.req.method}`, {
    status: 405,
    type: 'invalid_request_error',
    code: 'method_not_allowed',
    headers: { allow: methods.join(', ') },
  });
}
