/**
 * The variables of one HTTP request. Middleware and handlers share them through Hono's context.
 * @module
 */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { RequestIdVariables } from 'hono/request-id';
import type { KeyEntry } from '../access/key-file.ts';

export interface RequestVariables extends RequestIdVariables {
  /** Start time of the request on the clock of `performance.now()`, milliseconds. */
  startMs: number;
  /** Entry of the client's API key; undefined if the server has no API keys, or the route is public. */
  apiKey: KeyEntry | undefined;
  /** Additional fields of the request's log line. */
  logFields: Record<string, unknown>;
  /** Whether the response is a stream. The log line of a stream is written when the stream ends. */
  isStreaming: boolean;
}

export interface ServerEnv {
  Bindings: HttpBindings;
  Variables: RequestVariables;
}

export type ServerContext = Context<ServerEnv>;
