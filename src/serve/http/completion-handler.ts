/**
 * The handler of the generation endpoints: rate limit, body, admission, deadline, then the response or the
 * stream. The handler releases the request's slots when the response ends. Middleware cannot release them,
 * because a stream continues after its handler has returned.
 * @module
 */
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Handler } from 'hono';
import type { KeyEntry } from '../access/key-file.ts';
import type { RateLimits } from '../access/rate-limiter.ts';
import type { GenerationEndpoint, PreparedRequest } from '../api/endpoints.ts';
import { ApiError } from '../api/errors.ts';
import type { GenerationContext } from '../api/generate-choices.ts';
import type { Dependencies } from './dependencies.ts';
import { recordError } from './error-response.ts';
import { eventStream } from './event-stream.ts';
import { readBody } from './request-body.ts';
import type { ServerContext, ServerEnv } from './request-context.ts';
import { type RequestDeadline, startDeadline } from './request-deadline.ts';
import { recordRequest, routeOf } from './request-log.ts';

export function completionHandler(deps: Dependencies, endpoint: GenerationEndpoint): Handler<ServerEnv> {
  return async (c) => {
    const { options, rateLimiter, admission, metrics } = deps;
    if (deps.isStopping())
      throw new ApiError('the server is stopping', {
        status: 503,
        type: 'server_error',
        code: 'shutting_down',
        retryAfter: 1,
      });
    const fairKey = c.get('apiKey')?.name ?? `address ${getConnInfo(c).remote.address ?? 'unknown'}`;
    const limited = rateLimiter.acquire(fairKey, limitsOf(c.get('apiKey'), options.keyLimits));
    for (const [name, value] of Object.entries(limited.headers)) c.header(name, value);
    const releases = [limited.release, deps.countPending()];
    const release = (): void => {
      for (const one of releases.splice(0)) one();
    };
    try {
      const request = endpoint.prepare(await readBody(c.req.raw, options.bodyBytes));
      const logFields = c.get('logFields');
      Object.assign(logFields, {
        model: request.model,
        stream: request.isStream,
        ...(options.logPrompts ? { prompt: request.prompts } : {}),
      });
      const deadline = startDeadline(c.req.raw.signal, options.requestTimeoutMs);
      releases.push(deadline.clear);
      releases.push(await admission.acquire(fairKey, request.choices, deadline.signal));
      logFields.queued_ms = Math.round(performance.now() - c.get('startMs'));
      const context: GenerationContext = {
        requestId: c.get('requestId'),
        fairKey,
        signal: deadline.signal,
        onTurn: (turn) => metrics.recordTurn(turn),
        onUsage: ({ prompt_tokens, completion_tokens }) =>
          Object.assign(logFields, { prompt_tokens, completion_tokens }),
      };
      if (request.isStream) return await streamResponse(deps, c, { request, context, deadline, release });
      const answer = await request.generate(context);
      if (options.logPrompts) logFields.answer = answer;
      release();
      return c.json(answer);
    } catch (error) {
      release();
      throw error;
    }
  };
}

async function streamResponse(
  deps: Dependencies,
  c: ServerContext,
  {
    request,
    context,
    deadline,
    release,
  }: {
    readonly request: PreparedRequest;
    readonly context: GenerationContext;
    readonly deadline: RequestDeadline;
    readonly release: () => void;
  },
): Promise<Response> {
  const logFields = c.get('logFields');
  const response = await eventStream(c, {
    generate: (send) => request.generateStream(context, send),
    onError: (error) => recordError(deps, error, c).body,
    onFirstEvent: () =>
      deps.metrics.recordFirstToken(routeOf(c), (performance.now() - c.get('startMs')) / 1000),
    cancel: deadline.disconnect,
    onEnd: (outcome) => {
      release();
      logFields.outcome = outcome;
      // if generation fails before the stream starts, the request gets an error response with its own log
      // line
      if (c.get('isStreaming')) recordRequest(deps, c, 200);
    },
  });
  c.set('isStreaming', true);
  if (logFields.outcome !== undefined) recordRequest(deps, c, 200);
  return response;
}

/**
 * Returns the rate limits of an API key: those of its entry in the key file, else the defaults of the server.
 */
function limitsOf(entry: KeyEntry | undefined, defaults: RateLimits): RateLimits {
  return {
    requestsPerMinute: entry?.requests_per_minute ?? defaults.requestsPerMinute,
    concurrency: entry?.concurrency ?? defaults.concurrency,
  };
}
