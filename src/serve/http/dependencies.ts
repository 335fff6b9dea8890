/**
 * The objects that the routes of a server share.
 * @module
 */
import type { AdmissionControl } from '../access/admission-control.ts';
import type { ApiKeys } from '../access/api-keys.ts';
import type { RateLimiter } from '../access/rate-limiter.ts';
import type { ModelTable } from '../api/models.ts';
import type { ServerOptions } from '../options.ts';
import type { ServedTeam } from '../team/served-team.ts';
import type { ServerLog } from './log.ts';
import type { ServerMetrics } from './metrics.ts';

export interface Dependencies {
  readonly team: ServedTeam;
  readonly models: ModelTable;
  readonly options: ServerOptions;
  /** The valid API keys; undefined: clients need no API key. */
  readonly apiKeys: ApiKeys | undefined;
  readonly rateLimiter: RateLimiter;
  readonly admission: AdmissionControl;
  readonly metrics: ServerMetrics;
  readonly log: ServerLog;
  /** Version of troupe, for the OpenAPI document. */
  readonly version: string;
  /** Counts an accepted generation request as pending. @returns a function that ends the count */
  readonly countPending: () => () => void;
  /** Whether the server is closing: it finishes accepted requests and refuses new ones. */
  readonly isStopping: () => boolean;
}
