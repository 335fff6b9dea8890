/**
 * The data model of the charts of a run. The dashboard draws the charts interactively; `report.md` and
 * exports contain them as SVG. Pure functions. No Node imports, because the dashboard's page bundles this
 * file.
 * @module
 */
import type { LineChart } from '../svg-chart.ts';

/** Unit of the y axis, which selects the number format. */
export type Unit = 'share' | 'reward' | 'nats' | 'count' | 'seconds' | 'bytes' | 'rate' | 'plain';

export interface RunChart extends LineChart {
  /** Unique name of the chart within a run; also the file name of an export, without its extension. */
  readonly id: string;
  readonly unit: Unit;
  /** Text that explains the chart; also its text alternative for screen readers. */
  readonly reading: string;
  /** Text shown if no series has points: why the chart is empty, and which setting would fill it. */
  readonly whenEmpty: string;
}

/** Returns whether no series has points. Dashed series do not count, because they are reference lines. */
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

/** Builds the points of a series: one point per item whose y is a finite number. */
export function points<T>(
  items: readonly T[],
  pointOf: (item: T) => readonly [x: number, y: number | null | undefined],
): (readonly [number, number])[] {
  return items.flatMap((item) => {
    const [x, y] = pointOf(item);
    return typeof y === 'number' && Number.isFinite(y) ? [[x, y] as const] : [];
  });
}

/** Converts a chart to CSV with one line per point; `low` and `high` are empty if a point has no interval. */
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
