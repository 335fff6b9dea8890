/**
 * Draws the pictures of `report.md`. They use only the events of a run and no clock times, so that a resumed
 * run has a byte-identical report to that of an uninterrupted run.
 * @module
 */

import type { RunView } from '../run-view/run-view.ts';
import { isEmpty, type RunChart } from './chart/chart.ts';
import { agentAccuracyChart, agentRewardChart, certificateChart, rewardChart } from './chart/learning.ts';
import { timelineSvg } from './chart/timeline.ts';
import { betaChart, handoverChart, klChart, wealthChart } from './chart/updates.ts';
import { renderLineChart } from './svg-chart.ts';

export interface ReportPicture {
  /** File name without its extension. */
  readonly name: string;
  readonly title: string;
  /** Text that explains the picture. */
  readonly reading: string;
  readonly svg: string;
}

/** Draws all pictures that have data, the most important one first. A run without updates has no pictures. */
export function reportPictures(view: RunView): ReportPicture[] {
  if (view.decisions.length === 0) return [];
  return [
    ...drawn([rewardChart(view)]),
    {
      name: 'timeline',
      title: 'Updates and tests',
      reading: 'Outcome of every agent’s update and of every test, by stage.',
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
