/**
 * State of the page: the runs, their views and the connection to the server. Rows arrive in bursts, so
 * listeners are called at most once per frame.
 * @module
 */

import { createRunView, foldRows, type RunView } from '../../../src/run-view/run-view.ts';
import type { RunSummary, StreamMessage } from '../../../src/watch/dashboard-api.ts';

export interface PageState {
  readonly runs: readonly RunSummary[];
  readonly views: ReadonlyMap<string, RunView>;
  /** `connecting` until the first message, `lost` while the server does not respond. */
  readonly connection: 'connecting' | 'open' | 'lost';
  /** Incremented with every change. */
  readonly version: number;
  /** Error that prevented loading the runs. */
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
  // a hidden page gets no frames; its listeners are called when it becomes visible
  requestAnimationFrame(() => {
    isScheduled = false;
    for (const listener of listeners) listener(state);
  });
}

/** Loads the list of runs, then follows their rows while the page is open. */
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
  // the browser reconnects by itself; the server then sends all rows again
  source.onerror = () => change({ connection: 'lost' });
  source.onopen = () => change({ connection: 'open' });
}

/** @throws Error with the server's error message */
export async function getJson<T>(path: string): Promise<T> {
  const response = await fetch(path);
  const body: unknown = await response.json();
  if (response.ok) return body as T;
  const message = typeof body === 'object' && body !== null && 'error' in body ? String(body.error) : '';
  throw new Error(message || `the server responded with status ${response.status}`);
}
