/**
 * The pictures of `report.md`, from the events of a run alone: nothing here depends on the clock, so a
 * resumed run's report has the same bytes.
 * @module
 */

import type { RunView } from '../run-view/run-view.ts';
import { isEmpty, type RunChart } from './chart/chart.ts';
import { agentAccuracyChart, agentRewardChart, certificateChart, rewardChart } from './chart/learning.ts';
import { timelineSvg } from './chart/timeline.ts';
import { betaChart, handoverChart, klChart, wealthChart } from './chart/updates.ts';
import { renderLineChart } from './svg-chart.ts';

export interface ReportPicture {
  /** Without its ending. */
  readonly name: string;
  readonly title: string;
  /** What one reads off it. */
  readonly reading: string;
  readonly svg: string;
}

/** Pictures that have something to show, the most important first. */
export function reportPictures(view: RunView): ReportPicture[] {
  if (view.decisions.length === 0) return [];
  return [
    ...drawn([rewardChart(view)]),
    {
      name: 'timeline',
      title: 'Updates and tests',
      reading: 'What became of every agent’s update, stage by stage, and of every test.',
      svg: timelineSvg(view),
    },
    ...drawn(chartsOf(view)),
  ];
}

function chartsOf(view: RunView): RunChart[] {
  return [
    ...view.agents.map((_, id) => klChart(view, id)),
    wealthChart(view),
    certificateChart(view),
    agentAccuracyChart(view),
    agentRewardChart(view),
    betaChart(view),
    handoverChart(view),
  ];
}

function drawn(charts: readonly RunChart[]): ReportPicture[] {
  return charts
    .filter((chart) => !isEmpty(chart))
    .map((chart) => ({
      name: chart.id,
      title: chart.title,
      reading: chart.reading,
      svg: renderLineChart(chart),
    }));
}
