/**
 * Options of a server. They are set on the command line, in the serve file or by library calls.
 * @module
 */
import type { RateLimits } from './access/rate-limiter.ts';
import type { ApiLimits } from './api/sampling.ts';

export interface ServerOptions {
  /** Address to listen on. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Path of the key file; undefined: clients need no API key. */
  readonly keys?: string;
  /** Rate limits for keys whose entry sets none, and for all clients if no key is required. */
  readonly keyLimits: RateLimits;
  readonly api: ApiLimits;
  /** Maximum number of generation requests that run concurrently. */
  readonly maxRunning: number;
  /** Maximum number of generation requests in the queue. */
  readonly maxWaiting: number;
  /** Maximum size of a request body, bytes. */
  readonly bodyBytes: number;
  /** Time limit of a request, including its time in the queue, milliseconds. */
  readonly requestTimeoutMs: number;
  /** Time limit for receiving the headers and the body of a request, milliseconds. */
  readonly receiveTimeoutMs: number;
  /** Time limit for finishing accepted requests when the server closes, milliseconds. */
  readonly drainTimeoutMs: number;
  /**
   * Accepted values of `Host` besides `host`, localhost and IP addresses. Used only if clients need no API
   * key.
   */
  readonly allowedHosts: readonly string[];
  /** Whether the log contains prompts and answers. */
  readonly logPrompts: boolean;
}

export const DEFAULT_SERVER_OPTIONS: ServerOptions = {
  host: '127.0.0.1',
  port: 8080,
  keyLimits: { requestsPerMinute: Number.POSITIVE_INFINITY, concurrency: Number.POSITIVE_INFINITY },
  api: { maxChoices: 16, maxTokens: 4096 },
  maxRunning: 64,
  maxWaiting: 256,
  bodyBytes: 1 << 20,
  requestTimeoutMs: 120_000,
  receiveTimeoutMs: 15_000,
  drainTimeoutMs: 60_000,
  allowedHosts: [],
  logPrompts: false,
};
