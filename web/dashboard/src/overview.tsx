/**
 * The view "Overview": key figures, team reward, timeline, newest decisions, and evaluations before and after
 * training.
 * @module
 */

import { rewardChart } from '../../../src/report/chart/learning.ts';
import { count, duration, percent, points, signed } from '../../../src/report/format.ts';
import { stageMs, stagePaceMs, timedStages } from '../../../src/run-view/pace.ts';
import type { RunView } from '../../../src/run-view/run-view.ts';
import {
  agentName,
  finishedStages,
  gatesOf,
  stageEvaluations,
  updatesOf,
  updateTotals,
} from '../../../src/run-view/selectors.ts';
import { ChartCard } from './chart-card.tsx';
import { DecisionItem } from './decisions.tsx';
import { bytesText } from './format.ts';
import { routeTo } from './hooks.ts';
import { Timeline } from './timeline.tsx';
import type { ViewProps } from './view-props.ts';

/** Number of newest decisions that the view shows. */
const SHOWN_DECISIONS = 5;

export function Overview({ run, view, theme, route }: ViewProps) {
  const newest = view.decisions.slice(-SHOWN_DECISIONS).reverse();
  return (
    <>
      <section class="tiles" aria-label="Key figures">
        <Tiles view={view} />
      </section>
      <div class="grid">
        <ChartCard chart={rewardChart(view)} theme={theme} prefix={run.label} wide />
        <section class="card wide">
          <h3>Updates and tests</h3>
          <Timeline run={run} view={view} route={route} />
        </section>
        <div class="pair wide">
          <section class="card">
            <h3>Newest decisions</h3>
            {newest.length === 0 ? (
              <p class="empty">No agent was updated yet.</p>
            ) : (
              <ol class="decisions">
                {newest.map((decision, k) => (
                  <DecisionItem key={view.decisions.length - k} decision={decision} run={run} view={view} />
                ))}
              </ol>
            )}
            <p>
              <a href={routeTo(run.id, 'decisions')}>All {view.decisions.length} decisions</a>
            </p>
          </section>
          <BeforeAfter view={view} />
        </div>
      </div>
    </>
  );
}

interface TileProps {
  readonly label: string;
  readonly value: string;
  readonly note?: string | undefined;
}

function Tile({ label, value, note }: TileProps) {
  return (
    <div class="tile">
      <span class="label">{label}</span>
      <b>{value}</b>
      {note !== undefined && <span class="note">{note}</span>}
    </div>
  );
}

function Tiles({ view }: { readonly view: RunView }) {
  const stages = finishedStages(view);
  const evaluations = stageEvaluations(view);
  const last = evaluations.at(-1);
  const first = evaluations[0];
  const { updates, byStatus, backtracks } = updateTotals(updatesOf(view));
  const newest = stages.at(-1);
  return (
    <>
      <Tile label="Stage" value={`${stages.length} / ${view.plannedStages}`} note={phaseText(view)} />
      <Tile
        label="Reward, newest stage"
        value={newest?.reward.toFixed(3) ?? '–'}
        note={newest?.rewardSe === undefined ? undefined : `± ${(1.96 * newest.rewardSe).toFixed(3)} (95%)`}
      />
      {last !== undefined && first !== undefined && (
        <Tile
          label={`Test reward, ${last.prompts} prompts`}
          value={last.mean.toFixed(3)}
          note={`[${last.low.toFixed(3)}, ${last.high.toFixed(3)}]${evaluations.length > 1 ? `, ${signed(last.mean - first.mean, 3)} since the base team` : ''}`}
        />
      )}
      <Tile
        label="Updates accepted"
        value={updates === 0 ? '–' : `${byStatus.ACCEPT} / ${updates}`}
        note={updates === 0 ? undefined : `${percent(byStatus.ACCEPT / updates)}, ${backtracks} backtracks`}
      />
      <Champion view={view} />
      <Cost view={view} />
    </>
  );
}

function Champion({ view }: { readonly view: RunView }) {
  const tests = gatesOf(view).filter(({ gate }) => gate === 'promotion');
  if (tests.length === 0) return null;
  const promoted = tests.filter(({ decision }) => decision === 'promote').length;
  return (
    <Tile
      label="Champion"
      value={view.championStage === undefined ? 'base team' : `stage ${view.championStage}`}
      note={`${promoted} of ${tests.length} tests promoted`}
    />
  );
}

function Cost({ view }: { readonly view: RunView }) {
  const timed = timedStages(view);
  const ms = timed.reduce((sum, { clock }) => sum + stageMs(clock), 0);
  if (ms === 0) return null;
  const tokens = timed.reduce((sum, stage) => sum + stage.tokens, 0);
  const memory = timed.at(-1)?.clock.rssBytes;
  const left = (view.plannedStages - finishedStages(view).length) * (stagePaceMs(view) ?? 0);
  const showsTimeLeft = view.status === 'running' && left > 0;
  return (
    <Tile
      label={showsTimeLeft ? 'Time left' : 'Time'}
      value={showsTimeLeft ? `about ${duration(left)}` : duration(ms)}
      note={[
        `${count((1000 * tokens) / ms)} tok/s`,
        ...(memory === undefined ? [] : [bytesText(memory)]),
      ].join(', ')}
    />
  );
}

function phaseText(view: RunView): string | undefined {
  const { now, status } = view;
  if (status !== 'running' || now?.phase === undefined) return status;
  return now.agent === undefined ? now.phase : `${now.phase}, ${agentName(view, now.agent)}`;
}

function BeforeAfter({ view }: { readonly view: RunView }) {
  if (view.evaluations.length === 0)
    return (
      <section class="card">
        <h3>Before and after</h3>
        <p class="empty">
          {view.status === 'running'
            ? 'Evaluated on test prompts after the last stage.'
            : 'The run ended before its closing evaluation.'}
        </p>
      </section>
    );
  return (
    <section class="card">
      <h3>Before and after</h3>
      <ul class="intervals">
        {view.evaluations.map(({ label, team, prompts, samples }) => (
          <li key={label}>
            <span class="name">{label}</span>
            <b>{percent(team.mean)}</b>
            <Interval {...team} />
            <small>
              [{percent(team.low)}, {percent(team.high)}], {prompts} x {samples}
            </small>
          </li>
        ))}
      </ul>
      <ul class="plain">
        {view.comparisons.map(({ label, difference }) => (
          <li key={label}>
            {label}: <b>{points(difference)}</b> points,{' '}
            {difference.low > 0 ? 'better' : difference.high < 0 ? 'worse' : 'no proven difference'}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Draws a share and its confidence interval on an axis from 0 to 1. */
function Interval({
  mean,
  low,
  high,
}: {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}) {
  return (
    <svg class="interval" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect x="0" y="3.5" width="100" height="1" class="rail" />
      <rect x={100 * low} y="2" width={Math.max(0.5, 100 * (high - low))} height="4" class="span" />
      <rect x={100 * mean - 0.4} y="0" width="0.8" height="8" class="mean" />
    </svg>
  );
}
