/**
 * Properties that every view of a run receives.
 * @module
 */

import type { RunView } from '../../../src/run-view/run-view.ts';
import type { RunSummary } from '../../../src/watch/dashboard-api.ts';
import type { Route } from './hooks.ts';
import type { Theme } from './plot.ts';

export interface ViewProps {
  readonly run: RunSummary;
  readonly view: RunView;
  readonly theme: Theme;
  readonly route: Route;
}
