/**
 * Formats numbers for charts and tiles.
 * @module
 */

import type { Unit } from '../../../src/report/chart/chart.ts';
import { count, percent, small } from '../../../src/report/format.ts';

/** Formats a value with its unit as a short text. */
export function valueText(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  switch (unit) {
    case 'share':
      return percent(value);
    case 'reward':
      return value.toFixed(3);
    case 'nats':
      return small(value);
    case 'count':
      return value >= 1000 ? count(value) : String(Number(value.toFixed(1)));
    case 'seconds':
      return value >= 100 ? `${value.toFixed(0)} s` : `${value.toPrecision(2)} s`;
    case 'bytes':
      return bytesText(value);
    case 'rate':
      return `${count(value)}/s`;
    case 'plain':
      return plain(value);
    default:
      return unit satisfies never;
  }
}

/** Formats the label of an axis tick, which is shorter than {@link valueText}. */
export function tickText(value: number, unit: Unit): string {
  if (unit === 'bytes') return bytesText(value);
  if (unit === 'share') return `${Number((100 * value).toFixed(1))}%`;
  if ((unit === 'rate' || unit === 'count') && Math.abs(value) >= 1000) return count(value);
  return plain(value);
}

export function bytesText(bytes: number): string {
  return bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(2)} GiB` : `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

function plain(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e5
    ? value.toExponential(1).replace('.0e', 'e')
    : String(Number(value.toPrecision(4)));
}
