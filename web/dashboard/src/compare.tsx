/**
 * Several runs over each other, and where each ended, with paired differences against the first.
 * @module
 */

import type { RunChart } from '../../../src/report/chart/chart.ts';
import { short } from '../../../src/report/chart/chart.ts';
import { count, points } from '../../../src/report/format.ts';
import type { Series } from '../../../src/report/svg-chart.ts';
import type { RunView } from '../../../src/run-view/run-view.ts';
import {
  finishedStages,
  stageEvaluations,
  updatesOf,
  updateTotals,
} from '../../../src/run-view/selectors.ts';
import type { LatestEvaluation, RunSummary } from '../../../src/watch/dashboard-api.ts';
import { ChartCard } from './chart-card.tsx';
import { useLoaded } from './hooks.ts';
import type { Theme } from './plot.ts';
import { getJson } from './store.ts';

interface CompareProps {
  readonly runs: readonly RunSummary[];
  readonly views: ReadonlyMap<string, RunView>;
  readonly theme: Theme;
  readonly version: number;
}

export function Compare({ runs, views, theme }: CompareProps) {
  // measurements made so far: paired differences are asked for again when there is a new one
  const measured = runs
    .map(({ id }) => (views.get(id) ? stageEvaluations(views.get(id)!).length : 0))
    .join(' ');
  const ends = useLoaded(measured, () => getJson<LatestEvaluation[]>('/api/compare'));
  return (
    <div class="grid">
      <ChartCard chart={testRewardChart(runs, views)} theme={theme} prefix="compare" wide />
      <ChartCard chart={rewardByTokens(runs, views)} theme={theme} prefix="compare" wide />
      <section class="card wide">
        <h3>Where each run stands</h3>
        {ends.kind === 'failed' && <p class="empty">{ends.message}</p>}
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th>run</th>
                <th>algorithm</th>
                <th>seed</th>
                <th>stages</th>
                <th>test reward</th>
                <th>minus the first, points</th>
                <th>kept</th>
                <th>tokens</th>
              </tr>
            </thead>
            <tbody>
              {runs.map((run) => (
                <RunRow
                  key={run.id}
                  run={run}
                  view={views.get(run.id)}
                  end={ends.kind === 'done' ? ends.value.find((end) => end.run === run.id) : undefined}
                />
              ))}
            </tbody>
          </table>
        </div>
        <p class="reading">
          Test reward of the newest measurement with its 95% interval. Differences are paired by prompt, in
          hundredths of reward with their 95% interval; they exist where two runs have the same task and
          number of test prompts.
        </p>
      </section>
    </div>
  );
}

interface RunRowProps {
  readonly run: RunSummary;
  readonly view: RunView | undefined;
  readonly end: LatestEvaluation | undefined;
}

function RunRow({ run, view, end }: RunRowProps) {
  const { updates, byStatus } = updateTotals(view === undefined ? [] : updatesOf(view));
  const tokens = view === undefined ? 0 : finishedStages(view).reduce((sum, stage) => sum + stage.tokens, 0);
  const held = end?.evaluation;
  return (
    <tr>
      <th scope="row" title={run.dir}>
        {run.label}
      </th>
      <td>{run.facts.algorithm}</td>
      <td>{run.facts.seed}</td>
      <td>{view === undefined ? '–' : `${finishedStages(view).length}/${view.plannedStages}`}</td>
      <td>
        {held === undefined ? (
          'not measured'
        ) : (
          <>
            <b>{held.mean.toFixed(3)}</b>{' '}
            <small>
              [{held.low.toFixed(3)}, {held.high.toFixed(3)}]
            </small>
          </>
        )}
      </td>
      <td>{end?.difference === undefined ? '–' : points(end.difference)}</td>
      <td>{`${byStatus.ACCEPT}/${updates}`}</td>
      <td>{count(tokens)}</td>
    </tr>
  );
}

function perRun(
  runs: readonly RunSummary[],
  views: ReadonlyMap<string, RunView>,
  draw: (view: RunView) => Pick<Series, 'points' | 'band'>,
): Series[] {
  return runs.flatMap(({ id, label }, k) => {
    const view = views.get(id);
    return view === undefined ? [] : [{ name: short(label), ...draw(view), colour: k }];
  });
}

function testRewardChart(runs: readonly RunSummary[], views: ReadonlyMap<string, RunView>): RunChart {
  return {
    id: 'test',
    title: 'Test reward',
    x: { label: 'stage' },
    y: { label: 'mean reward' },
    unit: 'reward',
    series: perRun(runs, views, (view) => {
      const rows = stageEvaluations(view);
      return {
        points: rows.map(({ stage, mean }) => [stage, mean]),
        band: rows.map(({ stage, low, high }) => [stage, low, high]),
      };
    }),
    reading: 'Mean reward on each run’s test prompts after every stage, with 95% intervals.',
    whenEmpty: 'None of these runs measures test prompts; eval.stage_prompts asks for it.',
  };
}

function rewardByTokens(runs: readonly RunSummary[], views: ReadonlyMap<string, RunView>): RunChart {
  return {
    id: 'reward-by-tokens',
    title: 'Training reward by tokens',
    x: { label: 'tokens sampled' },
    y: { label: 'mean reward' },
    unit: 'reward',
    series: perRun(runs, views, (view) => {
      let tokens = 0;
      return {
        points: finishedStages(view).map((stage) => {
          tokens += stage.tokens;
          return [tokens, stage.reward];
        }),
      };
    }),
    reading:
      'Mean reward of each stage’s episodes against the tokens sampled for training so far: stages of different runs cost differently, tokens are a common measure.',
    whenEmpty: 'No stage is finished yet.',
  };
}
