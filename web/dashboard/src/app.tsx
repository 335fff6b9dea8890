/**
 * The frame of the page: it selects a run and a view, shows the status of the run, and contains the selected
 * view.
 * @module
 */
import { useEffect } from 'preact/hooks';
import type { RunView } from '../../../src/run-view/run-view.ts';
import { finishedStages } from '../../../src/run-view/selectors.ts';
import type { RunSummary } from '../../../src/watch/dashboard-api.ts';
import { Agents } from './agents.tsx';
import { Compare } from './compare.tsx';
import { Decisions } from './decisions.tsx';
import { Gates } from './gates.tsx';
import { routeTo, usePageState, useRoute, useTheme } from './hooks.ts';
import { Machine } from './machine.tsx';
import { Overview } from './overview.tsx';
import { Setup } from './setup.tsx';
import { Transcripts } from './transcripts.tsx';

const VIEWS = [
  { id: 'overview', label: 'Overview', show: Overview },
  { id: 'decisions', label: 'Decisions', show: Decisions },
  { id: 'gates', label: 'KL and tests', show: Gates },
  { id: 'agents', label: 'Agents', show: Agents },
  { id: 'transcripts', label: 'Transcripts', show: Transcripts },
  { id: 'machine', label: 'Time and memory', show: Machine },
  { id: 'setup', label: 'Setup', show: Setup },
] as const;

export function App() {
  const state = usePageState();
  const route = useRoute();
  const { theme, toggle } = useTheme();
  const run = state.runs.find(({ id }) => id === route.run) ?? state.runs[0];
  const view = run && state.views.get(run.id);
  useEffect(() => {
    document.title = run === undefined ? 'troupe' : `${run.label} · troupe`;
  }, [run?.label]);
  if (state.problem !== undefined)
    return (
      <p class="loading problem">
        The runs cannot be loaded: {state.problem}. Is "troupe watch" still running?
      </p>
    );
  if (run === undefined || view === undefined) return <p class="loading">Reading the run…</p>;
  const isCompare = route.view === 'compare' && state.runs.length > 1;
  const Show = (VIEWS.find(({ id }) => id === route.view) ?? VIEWS[0]).show;
  return (
    <>
      <button type="button" class="skip" onClick={toMain}>
        Skip to the view
      </button>
      <header>
        <div class="bar">
          <span class="brand">troupe</span>
          <RunPicker runs={state.runs} current={run.id} view={route.view} />
          {!isCompare && <Status view={view} />}
          <span class="spring" />
          {state.connection === 'lost' && (
            <span class="badge lost" role="status">
              connection lost, reconnecting
            </span>
          )}
          <button type="button" class="quiet" onClick={toggle}>
            {theme === 'dark' ? 'Light' : 'Dark'}
          </button>
        </div>
        <nav aria-label="Views">
          {VIEWS.map(({ id, label }) => (
            <a
              key={id}
              href={routeTo(run.id, id)}
              aria-current={
                !isCompare && (route.view === id || (Show === Overview && id === 'overview'))
                  ? 'page'
                  : undefined
              }
            >
              {label}
            </a>
          ))}
          {state.runs.length > 1 && (
            <a href={routeTo(run.id, 'compare')} aria-current={isCompare ? 'page' : undefined}>
              Compare
            </a>
          )}
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        {view.problem !== undefined && (
          <p class="banner">The files of this run can no longer be read: {view.problem}</p>
        )}
        {isCompare ? (
          <Compare runs={state.runs} views={state.views} theme={theme} version={state.version} />
        ) : (
          <Show run={run} view={view} theme={theme} route={route} key={run.id} />
        )}
      </main>
    </>
  );
}

/**
 * Moves the keyboard focus to the view. A link to `#main` is not possible, because the URL fragment selects
 * the view.
 */
function toMain(): void {
  document.getElementById('main')?.focus();
}

interface RunPickerProps {
  readonly runs: readonly RunSummary[];
  readonly current: string;
  readonly view: string;
}

function RunPicker({ runs, current, view }: RunPickerProps) {
  const only = runs[0];
  if (runs.length === 1 && only) return <h1 title={only.dir}>{only.label}</h1>;
  return (
    <label class="picker">
      <span class="hidden">Run</span>
      <select
        value={current}
        onChange={({ currentTarget }) => {
          location.hash = routeTo(currentTarget.value, view === 'compare' ? 'overview' : view);
        }}
      >
        {runs.map(({ id, label }) => (
          <option key={id} value={id}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Shows the status and the number of finished stages of the run. */
function Status({ view }: { readonly view: RunView }) {
  const done = finishedStages(view).length;
  return (
    <>
      <span class={`badge ${view.status}`} role="status">
        {view.status}
      </span>
      <span class="stagecount">
        stage {done} of {view.plannedStages}
      </span>
    </>
  );
}
