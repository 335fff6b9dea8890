/**
 * State of the page: the runs, their data and the connection to the server. Event rows arrive in bursts, so
 * listeners are called at most once per animation frame.
 * @module
 */

import { createRunView, foldRows, type RunView } from '../../../src/run-view/run-view.ts';
import type { RunSummary, StreamMessage } from '../../../src/watch/dashboard-api.ts';

export interface PageState {
  readonly runs: readonly RunSummary[];
  readonly views: ReadonlyMap<string, RunView>;
  /** State of the connection: `connecting` until the server responds, `lost` while it does not respond. */
  readonly connection: 'connecting' | 'open' | 'lost';
  /** Number that increases with every change of the state. */
  readonly version: number;
  /** Message of the error that prevented loading the list of runs. */
  readonly problem?: string;
}

type Listener = (state: PageState) => void;

let state: PageState = { runs: [], views: new Map(), connection: 'connecting', version: 0 };
const listeners = new Set<Listener>();
let isScheduled = false;

export function currentState(): PageState {
  return state;
}

export function subscribe(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function change(part: Partial<PageState>): void {
  state = { ...state, ...part, version: state.version + 1 };
  if (isScheduled) return;
  isScheduled = true;
  // browsers do not draw frames of a hidden page, so listeners are called when the page becomes visible again
  requestAnimationFrame(() => {
    isScheduled = false;
    for (const listener of listeners) listener(state);
  });
}

/** Loads the list of runs, then receives their event rows while the page is open. */
export async function connect(): Promise<void> {
  try {
    change({ runs: await getJson<RunSummary[]>('/api/runs') });
  } catch (error) {
    change({ problem: error instanceof Error ? error.message : String(error) });
    return;
  }
  const source = new EventSource('/api/stream');
  source.onmessage = ({ data }) => {
    const { run, rows, restarted } = JSON.parse(String(data)) as StreamMessage;
    const known = state.views.get(run);
    const view = known === undefined || restarted ? createRunView() : known;
    foldRows(view, rows);
    change({ views: new Map(state.views).set(run, view), connection: 'open' });
  };
  // the browser reconnects automatically, and the server then sends all rows again
  source.onerror = () => change({ connection: 'lost' });
  source.onopen = () => change({ connection: 'open' });
}

/** @throws Error with the error message of the server */
export async function getJson<T>(path: string): Promise<T> {
  const response = await fetch(path);
  const body: unknown = await response.json();
  if (response.ok) return body as T;
  const message = typeof body === 'object' && body !== null && 'error' in body ? String(body.error) : '';
  throw new Error(message || `the server responded with status ${response.status}`);
}
