/**
 * The description of a chart of a run. The dashboard draws it interactively; `report.md` and exports draw it
 * as SVG. Pure functions. No Node imports: the dashboard's page bundles this file.
 * @module
 */
import type { LineChart } from '../svg-chart.ts';

/** Unit of the y axis, which selects the number format. */
export type Unit = 'share' | 'reward' | 'nats' | 'count' | 'seconds' | 'bytes' | 'rate' | 'plain';

export interface RunChart extends LineChart {
  /** File name of an export, without extension; unique among the charts of a run. */
  readonly id: string;
  readonly unit: Unit;
  /** Explanation of the chart; also its text alternative for screen readers. */
  readonly reading: string;
  /** Reason why the chart is empty, with the setting that fills it; shown if no series has points. */
  readonly whenEmpty: string;
}

/** True if no series has points; dashed references do not count. */
export function isEmpty({ series }: LineChart): boolean {
  return series.every(({ points, dashed }) => dashed || points.length === 0);
}

/** A chart over stages. */
export function stageAxis(): LineChart['x'] {
  return { label: 'stage' };
}

/** Shortens a name to fit a legend. */
export function short(name: string, most = 24): string {
  return name.length > most ? `${name.slice(0, most - 1)}…` : name;
}

/** Points of a series: one per item whose y is a finite number. */
export function points<T>(
  items: readonly T[],
  pointOf: (item: T) => readonly [x: number, y: number | null | undefined],
): (readonly [number, number])[] {
  return items.flatMap((item) => {
    const [x, y] = pointOf(item);
    return typeof y === 'number' && Number.isFinite(y) ? [[x, y] as const] : [];
  });
}

/** The data of a chart as CSV: one line per point; `low` and `high` are empty without an interval. */
export function chartCsv({ x, y, series }: LineChart): string {
  const head = ['series', x.label, y.label, 'low', 'high'];
  const rows = series.flatMap(({ name, points, band = [] }) => {
    const bounds = new Map(band.map(([at, low, high]) => [at, [low, high]]));
    return points.map(([a, b]) => [name, a, b, ...(bounds.get(a) ?? ['', ''])]);
  });
  return [head, ...rows].map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
}

/** Quotes a CSV cell if needed (RFC 4180). */
export function csvCell(value: string | number): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
