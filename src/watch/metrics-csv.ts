/**
 * `metrics.jsonl` as one CSV table for spreadsheets: a column per key, in order of first appearance.
 * @module
 */
import { join } from 'node:path';
import { csvCell } from '../report/chart/chart.ts';
import { readJsonLines } from '../store/append-log.ts';
import { METRICS_FILE } from '../store/layout.ts';
import type { MetricsRow } from '../train/store-port.ts';

/** Everything `metrics.jsonl` holds so far. */
export function metricsCsv(dir: string): string {
  const rows = readJsonLines(join(dir, METRICS_FILE)) as MetricsRow[]; // the folder's own writer made them
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [keys, ...rows.map((row) => keys.map((key) => row[key] ?? ''))];
  return lines.map((line) => `${line.map((cell) => csvCell(String(cell))).join(',')}\r\n`).join('');
}
