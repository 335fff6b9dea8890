/** Tests the charts of a run's report, the timeline of decisions, and the CSV export of charts. */
import { describe, expect, it } from 'vitest';
import { foldEvents } from '../run-view/event-rows.ts';
import { madeEvents } from '../watch/testing/made-run.ts';
import { chartCsv, csvCell } from './chart/chart.ts';
import { rewardChart } from './chart/learning.ts';
import { timelineCells, timelineSvg } from './chart/timeline.ts';
import { handoverChart, klChart } from './chart/updates.ts';
import { reportPictures } from './report-pictures.ts';

describe('pictures', () => {
  const events = madeEvents({ stages: 30, agents: 3 });

  it('of a report are byte-identical for the same events, and absent for a run without updates', () => {
    const pictures = reportPictures(foldEvents(events));
    expect(pictures.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'reward',
        'timeline',
        'kl-agent-0',
        'wealth',
        'certificate',
        'agent-accuracy',
        'beta',
      ]),
    );
    expect(new Set(pictures.map(({ name }) => name)).size).toBe(pictures.length);
    expect(reportPictures(foldEvents(events))).toEqual(pictures);
    for (const { svg } of pictures) expect(svg).not.toMatch(/NaN|undefined|style=/);
    expect(reportPictures(foldEvents(events.slice(0, 3)))).toEqual([]);
  });

  it('show intervals that contain their points', () => {
    const { series } = rewardChart(foldEvents(events));
    expect(series.map(({ name }) => name)).toEqual(['training episodes', 'test prompts']);
    for (const { points, band = [] } of series) {
      expect(band).toHaveLength(points.length);
      for (const [k, [x, low, high]] of band.entries()) {
        expect(points[k]?.[0]).toBe(x);
        expect(low).toBeLessThanOrEqual(points[k]![1]);
        expect(high).toBeGreaterThanOrEqual(points[k]![1]);
      }
    }
  });

  it('of the divergence show rejected attempts above the radius', () => {
    const { series } = klChart(foldEvents(events), 0);
    const named = (name: string) => series.find((one) => one.name === name)?.points ?? [];
    expect(named('rejected attempts').length).toBeGreaterThan(0);
    for (const [, value] of named('rejected attempts')) expect(value).toBeGreaterThan(0.05);
  });

  it('of a handover show the weight of the replacement, and are absent without one', () => {
    const handed = events.map((event) =>
      event.kind === 'update' && event.agent === 1
        ? { ...event, handover: { weight: event.stage / 30, weightMin: 0, steps: [], finished: false } }
        : event,
    );
    const { series } = handoverChart(foldEvents(handed));
    expect(series.map(({ name }) => name)).toEqual(['agent_1', 'agent_1, minimum']);
    expect(series[0]?.points.at(-1)?.[1]).toBeGreaterThan(0.8);
    expect(reportPictures(foldEvents(handed)).map(({ name }) => name)).toContain('handover');
    expect(reportPictures(foldEvents(events)).map(({ name }) => name)).not.toContain('handover');
  });

  it('of decisions have a cell per update and test', () => {
    const view = foldEvents(events);
    const { rows, cells } = timelineCells(view);
    expect(rows).toEqual(['agent_0', 'agent_1', 'agent_2', 'tests']);
    expect(cells).toHaveLength(30 * 3 + 6);
    const svg = timelineSvg(
      foldEvents(madeEvents({ stages: 2, agents: 1, names: ['<b>"x" & a very long name'] })),
    );
    expect(svg).toContain('&lt;b&gt;');
    expect(svg).not.toContain('<b>');
  });

  it('as CSV have one line per point, with quoted cells where needed', () => {
    expect(csvCell('a,"b"')).toBe('"a,""b"""');
    const chart = rewardChart(foldEvents(events));
    const points = chart.series.reduce((sum, series) => sum + series.points.length, 0);
    expect(chartCsv(chart).split('\r\n')).toHaveLength(points + 2);
    expect(chartCsv(chart)).toMatch(/^series,stage,mean reward,low,high\r\n/);
  });
});
