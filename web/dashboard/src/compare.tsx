/**
 * The view "Compare": curves of several runs in one chart, and the newest evaluation of each run with its
 * paired difference from the first run.
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
  // key of the request: the comparison is loaded again when a run has another stage evaluation
  const evaluated = runs
    .map(({ id }) => (views.get(id) ? stageEvaluations(views.get(id)!).length : 0))
    .join(' ');
  const latest = useLoaded(evaluated, () => getJson<LatestEvaluation[]>('/api/compare'));
  return (
    <div class="grid">
      <ChartCard chart={testRewardChart(runs, views)} theme={theme} prefix="compare" wide />
      <ChartCard chart={rewardByTokens(runs, views)} theme={theme} prefix="compare" wide />
      <section class="card wide">
        <h3>Newest evaluation of each run</h3>
        {latest.kind === 'failed' && <p class="empty">{latest.message}</p>}
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th>run</th>
                <th>algorithm</th>
                <th>seed</th>
                <th>stages</th>
                <th>test reward</th>
                <th>difference from the first, points</th>
                <th>accepted</th>
                <th>tokens</th>
              </tr>
            </thead>
            <tbody>
              {runs.map((run) => (
                <RunRow
                  key={run.id}
                  run={run}
                  view={views.get(run.id)}
                  latest={latest.kind === 'done' ? latest.value.find((one) => one.run === run.id) : undefined}
                />
              ))}
            </tbody>
          </table>
        </div>
        <p class="reading">
          Mean test reward of the newest stage evaluation with its 95% interval. Differences are paired by
          prompt, in hundredths of reward with their 95% interval; they need the same task and number of test
          prompts in both runs.
        </p>
      </section>
    </div>
  );
}

interface RunRowProps {
  readonly run: RunSummary;
  readonly view: RunView | undefined;
  readonly latest: LatestEvaluation | undefined;
}

function RunRow({ run, view, latest }: RunRowProps) {
  const { updates, byStatus } = updateTotals(view === undefined ? [] : updatesOf(view));
  const tokens = view === undefined ? 0 : finishedStages(view).reduce((sum, stage) => sum + stage.tokens, 0);
  const evaluation = latest?.evaluation;
  return (
    <tr>
      <th scope="row" title={run.dir}>
        {run.label}
      </th>
      <td>{run.facts.algorithm}</td>
      <td>{run.facts.seed}</td>
      <td>{view === undefined ? '–' : `${finishedStages(view).length}/${view.plannedStages}`}</td>
      <td>
        {evaluation === undefined ? (
          'not evaluated'
        ) : (
          <>
            <b>{evaluation.mean.toFixed(3)}</b>{' '}
            <small>
              [{evaluation.low.toFixed(3)}, {evaluation.high.toFixed(3)}]
            </small>
          </>
        )}
      </td>
      <td>{latest?.difference === undefined ? '–' : points(latest.difference)}</td>
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
    whenEmpty: 'None of these runs has stage evaluations; set eval.stage_prompts.',
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
      'Mean reward of each stage’s training episodes by the tokens sampled for training so far. The cost of a stage differs between runs; tokens are a common measure of cost.',
    whenEmpty: 'No stage is finished yet.',
  };
}
