/**
 * The variables of one HTTP request, which middleware and handlers share through Hono's context.
 * @module
 */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { RequestIdVariables } from 'hono/request-id';
import type { KeyEntry } from '../access/key-file.ts';

export interface RequestVariables extends RequestIdVariables {
  /** Start of the request, milliseconds of `performance.now()`. */
  startMs: number;
  /** Undefined where the server has no API keys, or the route is public. */
  apiKey: KeyEntry | undefined;
  /** Further fields of the request's log line. */
  logFields: Record<string, unknown>;
  /** Whether the response is a stream; its log line is written when the stream ends. */
  isStreaming: boolean;
}

export interface ServerEnv {
  Bindings: HttpBindings;
  Variables: RequestVariables;
}

export type ServerContext = Context<ServerEnv>;
