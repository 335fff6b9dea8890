/**
 * What the routes of a server work with.
 * @module
 */
import type { Admission } from '../access/admission.ts';
import type { Authenticator } from '../access/authenticator.ts';
import type { KeyLimits } from '../access/key-limits.ts';
import type { ModelTable } from '../api/models.ts';
import type { ServerOptions } from '../options.ts';
import type { ServedTeam } from '../team/served-team.ts';
import type { ServerLog } from './log.ts';
import type { ServerMetrics } from './metrics.ts';

export interface AppParts {
  readonly team: ServedTeam;
  readonly models: ModelTable;
  readonly options: ServerOptions;
  readonly authenticator: Authenticator | undefined;
  readonly limits: KeyLimits;
  readonly door: Admission;
  readonly metrics: ServerMetrics;
  readonly log: ServerLog;
  readonly version: string;
  /** Counts a completion that was accepted, until it calls what it gets. */
  readonly accept: () => () => void;
  /** Whether the server is stopping. */
  readonly isStopping: () => boolean;
}
