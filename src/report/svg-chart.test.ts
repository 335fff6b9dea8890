import { describe, expect, it } from 'vitest';
import { type LineChart, renderLineChart } from './svg-chart.ts';

const chart: LineChart = {
  title: 'J & friends <here>',
  x: { label: 'update' },
  y: { label: 'J' },
  series: [
    {
      name: 'up',
      points: [
        [0, 0],
        [10, 1],
      ],
    },
    {
      name: 'flat',
      points: [
        [0, 0.5],
        [10, 0.5],
      ],
      dashed: true,
    },
  ],
};

/** Returns the coordinates of each polyline of an SVG. */
function lines(svg: string): number[][][] {
  return [...svg.matchAll(/<polyline points="([^"]*)"/g)].map(([, points = '']) =>
    points === '' ? [] : points.split(' ').map((point) => point.split(',').map(Number)),
  );
}

describe('a chart', () => {
  it('has one line per series, higher for larger values, and a legend', () => {
    const svg = renderLineChart(chart);
    const [up, flat] = lines(svg) as [number[][], number[][]];
    expect(up).toHaveLength(2);
    expect(up[0]?.[0]).toBeLessThan(up[1]?.[0] as number);
    expect(up[0]?.[1]).toBeGreaterThan(up[1]?.[1] as number);
    expect(flat[0]?.[1]).toBe(flat[1]?.[1]);
    expect(svg).toContain('>up</text>');
    expect(svg).toContain('stroke-dasharray');
    expect(svg).toContain('J &amp; friends &lt;here&gt;');
  });

  it('is byte-identical for the same data', () => {
    expect(renderLineChart(chart)).toBe(renderLineChart(structuredClone(chart)));
  });

  it('has decades at equal distances on a log axis, without values that are not positive', () => {
    const points = [
      [1e-4, 1],
      [1e-3, 2],
      [1e-2, 3],
      [0, 4],
      [1e-1, Number.NaN],
    ] as const;
    const svg = renderLineChart({ ...chart, x: { label: 'd', log: true }, series: [{ name: 'a', points }] });
    const [line = []] = lines(svg);
    expect(line).toHaveLength(3);
    const xs = line.map(([x]) => x as number) as [number, number, number];
    expect(xs[1] - xs[0]).toBeCloseTo(xs[2] - xs[1], 1);
    expect(svg).toContain('>1e-4</text>');
  });

  it('clips data outside of a given range', () => {
    const svg = renderLineChart({ ...chart, y: { label: 'J', range: [0, 0.5] } });
    const [up = []] = lines(svg);
    expect(up[1]?.[1]).toBeLessThan(36); // the point is above the frame, where the clip path hides it
    expect(svg.match(/clip-path="url\(#frame\)"/g)).toHaveLength(2);
  });

  it('can be drawn from one point, and without data', () => {
    const one = renderLineChart({ ...chart, series: [{ name: 'a', points: [[3, 7]] }] });
    expect(lines(one)[0]?.flat().every(Number.isFinite)).toBe(true);
    expect(renderLineChart({ ...chart, series: [] })).not.toContain('NaN');
  });

  it('has round numbers on its axes', () => {
    const labels = [...renderLineChart(chart).matchAll(/>(-?[\d.e-]+)<\/text>/g)].map(([, label]) => label);
    expect(labels).toEqual(expect.arrayContaining(['0', '2', '10', '0.2', '1']));
  });
});
