/**
 * What the page knows: the runs, their views, whether news still come. Rows arrive in bursts, so
 * components are told at most once per frame.
 * @module
 */

import { createRunView, foldRows, type RunView } from '../../../src/run-view/run-view.ts';
import type { RunSummary, StreamMessage } from '../../../src/watch/dashboard-api.ts';

export interface PageState {
  readonly runs: readonly RunSummary[];
  readonly views: ReadonlyMap<string, RunView>;
  /** `connecting` until the first news, `lost` while the server does not answer. */
  readonly connection: 'connecting' | 'open' | 'lost';
  /** Grows with every change. */
  readonly version: number;
  /** Why nothing can be shown. */
  readonly problem?: string;
}

type Listener = (state: PageState) => void;

let state: PageState = { runs: [], views: new Map(), connection: 'connecting', version: 0 };
const listeners = new Set<Listener>();
let planned = false;

export function currentState(): PageState {
  return state;
}

export function subscribe(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function change(part: Partial<PageState>): void {
  state = { ...state, ...part, version: state.version + 1 };
  if (planned) return;
  planned = true;
  // a hidden page draws no frames; it hears of everything when it is looked at again
  requestAnimationFrame(() => {
    planned = false;
    for (const listener of listeners) listener(state);
  });
}

/** Reads the list of runs, then follows them for as long as the page is open. */
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
  // the browser tries again by itself; the server then says everything once more
  source.onerror = () => change({ connection: 'lost' });
  source.onopen = () => change({ connection: 'open' });
}

/** @throws Error with what the server said */
export async function getJson<T>(path: string): Promise<T> {
  const response = await fetch(path);
  const body: unknown = await response.json();
  if (response.ok) return body as T;
  const said = typeof body === 'object' && body !== null && 'error' in body ? String(body.error) : '';
  throw new Error(said || `the server answered ${response.status}`);
}
