/**
 * Converts the description of a chart to uPlot's options and data. All series share one list of x values. A
 * confidence interval becomes two hidden series with a filled band between them. Colours depend on the theme.
 * @module
 */
import type uPlot from 'uplot';
import type { RunChart } from '../../../src/report/chart/chart.ts';
import { tickText } from './format.ts';

/**
 * The colour palette of Okabe and Ito, darker for the light theme and lighter for the dark one, for contrast.
 */
const PALETTE = {
  light: ['#0072B2', '#D55E00', '#009E73', '#AA4A88', '#B77F00', '#2F8FC4', '#222222'],
  dark: ['#4FA8DE', '#F2884B', '#2FC79B', '#DE95BF', '#EDB53A', '#8CCDF2', '#E8E8E8'],
} as const;

export type Theme = keyof typeof PALETTE;

export function paint(theme: Theme, index: number): string {
  return PALETTE[theme][index % PALETTE[theme].length]!;
}

/** Data of a chart in columns. Column 0 has the x values. */
export interface PlotData {
  readonly columns: uPlot.AlignedData;
  /**
   * For each series: index of the column of its line, and indices of the two columns of its confidence
   * interval.
   */
  readonly lineAt: readonly number[];
  readonly bandAt: readonly (readonly [low: number, high: number] | undefined)[];
}

export function plotData({ series }: RunChart): PlotData {
  const xs = [
    ...new Set(
      series.flatMap(({ points, band = [] }) => [...points.map(([x]) => x), ...band.map(([x]) => x)]),
    ),
  ].sort((a, b) => a - b);
  const columnOf = (pairs: readonly (readonly [number, number])[]): (number | null)[] => {
    const values = new Map(pairs);
    return xs.map((x) => values.get(x) ?? null);
  };
  const columns: (number | null)[][] = [];
  const lineAt: number[] = [];
  const bandAt: (readonly [number, number] | undefined)[] = [];
  for (const { points, band = [] } of series) {
    lineAt.push(columns.push(columnOf(points)));
    if (band.length === 0) bandAt.push(undefined);
    else {
      const low = columns.push(columnOf(band.map(([x, value]) => [x, value])));
      bandAt.push([low, columns.push(columnOf(band.map(([x, , value]) => [x, value])))]);
    }
  }
  return { columns: [xs, ...columns] as uPlot.AlignedData, lineAt, bandAt };
}

/** Key of the options of a plot. While the key is unchanged, the existing plot can show new data. */
export function shapeOf({ series, y, guides = [] }: RunChart): string {
  const looks = series.map(({ name, band = [], marks, dashed, points }) => [
    ...[name, band.length > 0, marks, dashed],
    points.length === 1,
  ]);
  return JSON.stringify([y, looks, guides]);
}

export interface PlotSettings {
  readonly width: number;
  readonly height: number;
  readonly theme: Theme;
  readonly hidden: ReadonlySet<string>;
  readonly onCursor: (index: number | null) => void;
}

export function plotOptions(chart: RunChart, data: PlotData, settings: PlotSettings): uPlot.Options {
  const { width, height, theme, hidden, onCursor } = settings;
  const ink = theme === 'dark' ? '#a3acb8' : '#59636e';
  const rule = theme === 'dark' ? '#262d36' : '#e8ebee';
  const axis = {
    stroke: ink,
    font: '11px system-ui, sans-serif',
    grid: { stroke: rule, width: 1 },
    ticks: { show: false },
    gap: 4,
  };
  const whole = [1, 2, 5].flatMap((digit) => [1, 10, 100, 1e3, 1e4, 1e5, 1e6].map((power) => digit * power));
  return {
    width,
    height,
    padding: [10, 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, ...(chart.x.label === 'stage' && { sync: { key: 'stage' } }) },
    scales: {
      x: { time: false },
      y: chart.y.log ? { distr: 3 } : { range: (_, low, high) => withMargin(low, high) },
    },
    axes: [
      {
        ...axis,
        size: 28,
        incrs: whole.sort((a, b) => a - b),
        values: (_, ticks) => ticks.map((tick) => tickText(tick, 'count')),
      },
      {
        ...axis,
        size: chart.unit === 'bytes' ? 62 : 50,
        ...(chart.unit === 'bytes' && { incrs: Array.from({ length: 24 }, (_, k) => 2 ** (20 + k)) }),
        ...(chart.y.log && { grid: { ...axis.grid, filter: wholeDecades } }),
        values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : tickText(tick, chart.unit))),
      },
    ],
    series: [{}, ...seriesOptions(chart, data, settings)],
    bands: chart.series.flatMap((one, k) => {
      const band = data.bandAt[k];
      if (band === undefined || hidden.has(one.name)) return [];
      const fill = faded(paint(theme, one.colour ?? k), one.bandOpacity ?? 0.18);
      return [{ series: [band[1], band[0]] as [number, number], fill }];
    }),
    hooks: {
      setCursor: [({ cursor }) => onCursor(cursor.idx ?? null)],
      drawClear: [(plot) => drawGuides(plot, chart, ink)],
    },
  };
}

function seriesOptions(
  chart: RunChart,
  data: PlotData,
  { theme, hidden }: Pick<PlotSettings, 'theme' | 'hidden'>,
): uPlot.Series[] {
  const columns: uPlot.Series[] = [];
  for (const [k, { name, dashed, marks, colour, points }] of chart.series.entries()) {
    const stroke = paint(theme, colour ?? k);
    const show = !hidden.has(name);
    columns[data.lineAt[k]! - 1] = {
      ...{ label: name, show, stroke, spanGaps: true, width: dashed ? 1.5 : 2 },
      ...(dashed && { dash: [6, 4] }),
      points: { show: marks === true || points.length === 1, size: 7, fill: stroke, stroke },
      ...(marks && { paths: () => null }),
    };
    for (const at of data.bandAt[k] ?? [])
      columns[at - 1] = {
        ...{ label: '', show, stroke: 'transparent', width: 0, spanGaps: true },
        points: { show: false },
      };
  }
  return columns;
}

/** Keeps only ticks at powers of ten, for the grid of a logarithmic axis. */
function wholeDecades(_: uPlot, ticks: readonly number[]): (number | null)[] {
  return ticks.map((tick) =>
    Math.abs(Math.log10(tick) - Math.round(Math.log10(tick))) < 1e-9 ? tick : null,
  );
}

/** Range of the y axis: the range of the data plus a margin. Does not go below 0 if all values are >= 0. */
function withMargin(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const margin = low === high ? Math.max(Math.abs(low), 1) * 0.1 : (high - low) * 0.06;
  return [low >= 0 && low - margin < 0 ? 0 : low - margin, high + margin];
}

function faded(colour: string, opacity: number): string {
  const alpha = Math.round(opacity * 255);
  return `${colour}${alpha.toString(16).padStart(2, '0')}`;
}

/** Draws dotted vertical lines that mark events. */
function drawGuides(plot: uPlot, { guides = [] }: RunChart, ink: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = ink;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.fillStyle = ink;
  ctx.font = `${10 * devicePixelRatio}px system-ui, sans-serif`;
  for (const { x, label } of guides) {
    const at = plot.valToPos(x, 'x', true);
    if (at < bbox.left || at > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, bbox.top + bbox.height);
    ctx.stroke();
    const isLate = at > bbox.left + 0.8 * bbox.width;
    ctx.textAlign = isLate ? 'right' : 'left';
    ctx.fillText(label, at + (isLate ? -4 : 4) * devicePixelRatio, bbox.top + 10 * devicePixelRatio);
  }
  ctx.restore();
}
