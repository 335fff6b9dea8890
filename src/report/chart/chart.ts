/**
 * What a picture of a run is, whoever draws it: the page interactively, `report.md` and an export as SVG.
 * Pure; needs no Node, because pages import it.
 * @module
 */
import type { LineChart } from '../svg-chart.ts';

/** How values of the y axis are written. */
export type Unit = 'share' | 'reward' | 'nats' | 'count' | 'seconds' | 'bytes' | 'rate' | 'plain';

export interface RunChart extends LineChart {
  /** File name of an export, without its ending; unique among the charts of a run. */
  readonly id: string;
  readonly unit: Unit;
  /** What one reads off it, in a sentence; the picture's text for those who do not see it. */
  readonly reading: string;
  /** What to do so that there is something to see; shown when no series has points. */
  readonly whenEmpty: string;
}

/** Whether there is anything to draw. */
export function isEmpty({ series }: LineChart): boolean {
  return series.every(({ points, dashed }) => dashed || points.length === 0);
}

/** A chart over stages. */
export function stageAxis(): LineChart['x'] {
  return { label: 'stage' };
}

/** A name that fits a legend. */
export function short(name: string, most = 24): string {
  return name.length > most ? `${name.slice(0, most - 1)}…` : name;
}

/** Pairs whose y is a finite number. */
export function points<T>(
  things: readonly T[],
  place: (thing: T) => readonly [x: number, y: number | null | undefined],
): (readonly [number, number])[] {
  return things.flatMap((thing) => {
    const [x, y] = place(thing);
    return typeof y === 'number' && Number.isFinite(y) ? [[x, y] as const] : [];
  });
}

/** The data of a chart as CSV: one line per point, `low` and `high` where the series has an interval. */
export function chartCsv({ x, y, series }: LineChart): string {
  const head = ['series', x.label, y.label, 'low', 'high'];
  const rows = series.flatMap(({ name, points, band = [] }) => {
    const bounds = new Map(band.map(([at, low, high]) => [at, [low, high]]));
    return points.map(([a, b]) => [name, a, b, ...(bounds.get(a) ?? ['', ''])]);
  });
  return [head, ...rows].map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
}

/** A cell as RFC 4180 has it. */
export function csvCell(value: string | number): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
