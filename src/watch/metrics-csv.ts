/**
 * Converts `metrics.jsonl` to one CSV table with a column per key, in order of first appearance.
 * @module
 */
import { join } from 'node:path';
import { csvCell } from '../report/chart/chart.ts';
import { readJsonLines } from '../store/append-log.ts';
import { METRICS_FILE } from '../store/layout.ts';
import type { MetricsRow } from '../train/store-port.ts';

/** @returns all rows of `metrics.jsonl` so far */
export function metricsCsv(dir: string): string {
  const rows = readJsonLines(join(dir, METRICS_FILE)) as MetricsRow[]; // written by troupe's own store
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [keys, ...rows.map((row) => keys.map((key) => row[key] ?? ''))];
  return lines.map((line) => `${line.map((cell) => csvCell(String(cell))).join(',')}\r\n`).join('');
}
