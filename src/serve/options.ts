/**
 * What an operator decides about a server; `troupe serve` and the serve file set it.
 * @module
 */

import type { KeyLimitOptions } from './access/key-limits.ts';
import type { ApiLimits } from './api/answering.ts';
import type { LogLevel } from './http/log.ts';

export interface ServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Key file; undefined: nobody needs a key. */
  readonly keys?: string;
  /** For keys that have no limits of their own. */
  readonly keyLimits: KeyLimitOptions;
  readonly api: ApiLimits;
  readonly maxRunning: number;
  readonly maxWaiting: number;
  /** Largest body of a request, bytes. */
  readonly bodyBytes: number;
  /** Longest that a request may take, queue included, milliseconds. */
  readonly requestTimeoutMs: number;
  /** Longest that a client may take to send its headers and its body, milliseconds. */
  readonly receiveTimeoutMs: number;
  /** After SIGTERM: longest that accepted requests may still take, milliseconds. */
  readonly drainTimeoutMs: number;
  /** Names in `Host` that are answered beside those of this machine, where nobody needs a key. */
  readonly allowedHosts: readonly string[];
  readonly logLevel: LogLevel;
  /** Whether prompts and answers are logged. */
  readonly logPrompts: boolean;
}

export const DEFAULT_SERVER: ServerOptions = {
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
  logLevel: 'info',
  logPrompts: false,
};
