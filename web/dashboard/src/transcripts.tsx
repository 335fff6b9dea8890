/**
 * The view "Transcripts": the episodes of one prompt after two stages side by side, with marked differences
 * and the verifier's reason for each verdict.
 * @module
 */
import { diffChars, diffWordsWithSpace } from 'diff';
import { useMemo, useState } from 'preact/hooks';
import type { RunView } from '../../../src/run-view/run-view.ts';
import { agentName } from '../../../src/run-view/selectors.ts';
import type { TranscriptPrompt, TranscriptRow } from '../../../src/watch/dashboard-api.ts';
import { type Loaded, replaceQuery, useLoaded } from './hooks.ts';
import { getJson } from './store.ts';
import type { ViewProps } from './view-props.ts';

/** Length above which two texts are compared by words instead of characters. */
const MAX_CHARS_COMPARED = 400;

export function Transcripts({ run, view, route }: ViewProps) {
  const [search, setSearch] = useState('');
  // number of stages, used as a key: the list of prompts is loaded again after each stage
  const stages = view.stages.size;
  const prompts = useLoaded(`${run.id} ${stages}`, () =>
    getJson<TranscriptPrompt[]>(`/api/runs/${run.id}/prompts`),
  );
  if (prompts.kind === 'loading') return <p class="loading">Reading transcripts…</p>;
  if (prompts.kind === 'failed') return <p class="banner">Transcripts cannot be read: {prompts.message}</p>;
  const requestedStage = Number(route.query.get('b') ?? Number.NaN);
  const all = prompts.value;
  const chosen =
    all.find(({ item }) => item === route.query.get('item')) ??
    all.find((one) => one.stages.includes(requestedStage)) ??
    all[0];
  if (chosen === undefined)
    return <p class="empty card">There are no transcripts yet; the first stage writes some.</p>;
  const matching = all.filter(({ item, prompt }) =>
    `${item} ${prompt}`.toLowerCase().includes(search.toLowerCase()),
  );
  return (
    <div class="grid">
      <section class="card wide">
        <div class="filters">
          <label>
            Find{' '}
            <input
              type="search"
              value={search}
              onInput={({ currentTarget }) => setSearch(currentTarget.value)}
            />
          </label>
          <label class="grow">
            Prompt{' '}
            <select
              value={chosen.item}
              onChange={({ currentTarget }) =>
                replaceQuery(route, { item: currentTarget.value, a: '', b: '' })
              }
            >
              {(matching.includes(chosen) ? matching : [chosen, ...matching]).map(
                ({ item, prompt, stages }) => (
                  <option key={item} value={item}>
                    {item}: {prompt.slice(0, 80)} ({stages.length} {stages.length === 1 ? 'stage' : 'stages'})
                  </option>
                ),
              )}
            </select>
          </label>
        </div>
        <pre class="prompt">{chosen.prompt}</pre>
        <p class="note">
          {chosen.split === 'test'
            ? 'A test prompt. Its episodes use the same random streams after every stage, so differences come from the change of the team.'
            : 'A training prompt. Transcripts of test prompts, which are the same after every stage, need eval.stage_prompts.'}
        </p>
      </section>
      <SideBySide key={chosen.item} run={run} view={view} route={route} prompt={chosen} />
    </div>
  );
}

type SideBySideProps = Pick<ViewProps, 'run' | 'view' | 'route'> & { readonly prompt: TranscriptPrompt };

function SideBySide({ run, view, route, prompt }: SideBySideProps) {
  const { stages } = prompt;
  const pick = (name: string, fallback: number): number => {
    const requested = Number(route.query.get(name) || Number.NaN);
    return stages.includes(requested) ? requested : fallback;
  };
  const from = pick('a', stages[0]!);
  const to = pick('b', stages.at(-1)!);
  const load = (stage: number) =>
    getJson<TranscriptRow[]>(
      `/api/runs/${run.id}/transcripts?${new URLSearchParams({ item: prompt.item, stage: String(stage) })}`,
    );
  const before = useLoaded(`${run.id} ${prompt.item} ${from}`, () => load(from));
  const after = useLoaded(`${run.id} ${prompt.item} ${to} ${stages.length}`, () => load(to));
  const choice = (name: 'a' | 'b', stage: number) => (
    <label>
      Stage{' '}
      <select
        value={String(stage)}
        onChange={({ currentTarget }) =>
          replaceQuery(route, { item: prompt.item, [name]: currentTarget.value })
        }
      >
        {stages.map((one) => (
          <option key={one} value={String(one)}>
            {one === 0 ? '0, the base team' : one}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <div class="pair wide">
      <Side head={choice('a', from)} rows={before} view={view} />
      <Side head={choice('b', to)} rows={after} view={view} against={from === to ? undefined : before} />
    </div>
  );
}

interface SideProps {
  readonly head: preact.ComponentChildren;
  readonly rows: Loaded<TranscriptRow[]>;
  readonly view: RunView;
  /** Transcripts of the earlier stage, relative to which changes are marked. */
  readonly against?: Loaded<TranscriptRow[]> | undefined;
}

function Side({ head, rows, view, against }: SideProps) {
  const others = against?.kind === 'done' ? against.value : [];
  return (
    <section class="card side">
      <div class="filters">{head}</div>
      {rows.kind === 'loading' && <p class="loading">Reading…</p>}
      {rows.kind === 'failed' && <p class="empty">{rows.message}</p>}
      {rows.kind === 'done' &&
        rows.value.map((row, k) => (
          <Episode
            key={k}
            row={row}
            view={view}
            other={others.find((one) => isPair(one, row)) ?? others[k]}
          />
        ))}
    </section>
  );
}

function isPair(a: TranscriptRow, b: TranscriptRow): boolean {
  return a.sample === b.sample && a.agent === b.agent && a.split === b.split;
}

interface EpisodeProps {
  readonly row: TranscriptRow;
  readonly view: RunView;
  readonly other: TranscriptRow | undefined;
}

function Episode({ row, view, other }: EpisodeProps) {
  return (
    <article class="episode">
      <p>
        <span class={row.correct ? 'badge right' : 'badge wrong'}>
          {row.correct ? '✓ correct' : '✕ wrong'}
        </span>{' '}
        {row.answer !== undefined && (
          <>
            answer <b>{row.answer}</b>,{' '}
          </>
        )}
        reward {Number(row.reward.toFixed(3))}
        {row.agent !== undefined && (
          <span class="note">
            {' '}
            · sample {row.sample + 1}, batch of {agentName(view, row.agent)}
          </span>
        )}
      </p>
      <p class="reason">{row.reason}</p>
      <ol class="messages">
        {row.messages.map(({ turn, agent, text }, k) => (
          <li key={k}>
            <span class="name">
              {agentName(view, agent)}
              {turn > 0 && <small> turn {turn + 1}</small>}
            </span>
            <pre>
              <Difference
                text={text}
                before={other?.messages.find((one) => one.agent === agent && one.turn === turn)?.text}
              />
            </pre>
          </li>
        ))}
      </ol>
    </article>
  );
}

/** Time limit of a comparison. Two long texts with little in common would block the page for many seconds. */
const DIFF_OPTIONS = { timeout: 250 /* ms */ } as const;

/** Shows a text with marked additions and deletions relative to an earlier text. */
function Difference({ text, before }: { readonly text: string; readonly before: string | undefined }) {
  const parts = useMemo(() => {
    if (before === undefined || before === text) return undefined;
    const compare =
      Math.max(text.length, before.length) > MAX_CHARS_COMPARED ? diffWordsWithSpace : diffChars;
    return compare(before, text, DIFF_OPTIONS) ?? 'too different';
  }, [text, before]);
  if (parts === undefined) return <>{text === '' ? '(empty message)' : text}</>;
  if (parts === 'too different')
    return (
      <>
        <span class="note">(too different to mark the changes)</span> {text}
      </>
    );
  return (
    <>
      {parts.map(({ value, added, removed }, k) =>
        added ? (
          <ins key={k}>{value}</ins>
        ) : removed ? (
          <del key={k}>{value}</del>
        ) : (
          <span key={k}>{value}</span>
        ),
      )}
    </>
  );
}
