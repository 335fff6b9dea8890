/**
 * Converts the `metrics.jsonl` file of a run to one CSV table. The table has one column per key, in the order
 * in which the keys first appear in the file.
 * @module
 */
import { join } from 'node:path';
import { csvCell } from '../report/chart/chart.ts';
import { readJsonLines } from '../store/append-log.ts';
import { METRICS_FILE } from '../store/layout.ts';
import type { MetricsRow } from '../train/store-port.ts';

/** @returns the CSV text of all rows that `metrics.jsonl` has so far */
export function metricsCsv(dir: string): string {
  // The type is not checked, because only troupe's store writes this file.
  const rows = readJsonLines(join(dir, METRICS_FILE)) as MetricsRow[];
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [keys, ...rows.map((row) => keys.map((key) => row[key] ?? ''))];
  return lines.map((line) => `${line.map((cell) => csvCell(String(cell))).join(',')}\r\n`).join('');
}
