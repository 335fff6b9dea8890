/**
 * Benchmark of the dashboard with a long run: a synthetic run of 500 stages and three agents is opened in a
 * browser and scrolled. The browser measures the times, from the start of the navigation.
 * @module
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { startDashboard } from '../src/serve/dashboard/server.ts';
import { makeRun } from '../src/watch/testing/made-run.ts';
import { watchRuns } from '../src/watch/watched-runs.ts';
import { launchBrowser } from '../test/watch/browser.ts';
import { median } from './matmuls.ts';

const RUN = { stages: 500, agents: 3, stageEvaluationPrompts: 256 } as const;
/** Script that runs in the page. */
const PAGE_SCRIPT = fileURLToPath(new URL('watch-page.js', import.meta.url));
const OPENINGS = 5;
const SCROLL_MS = 3000;

export interface WatchBench {
  readonly stages: number;
  readonly agents: number;
  readonly events_mb: number;
  /** Time to read the run folder before the server starts, ms. */
  readonly read_ms: number;
  /**
   * Time from the start of the navigation, ms, medians: to the first text, and until every tile, chart and
   * timeline cell is drawn.
   */
  readonly first_paint_ms: number;
  readonly full_paint_ms: number;
  readonly full_paint_worst_ms: number;
  /**
   * Frames per second, and 95th percentile of the frame time, while the timeline and the list of 600
   * decisions scroll.
   */
  readonly scroll_frames_per_s: number;
  readonly scroll_frame_p95_ms: number;
  /** Number of tasks longer than 50 ms while scrolling, and the duration of the longest task, ms. */
  readonly scroll_long_tasks: number;
  readonly scroll_longest_task_ms: number;
}

export async function benchWatch(log: (line: string) => void): Promise<WatchBench> {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-bench-watch-'));
  const run = join(dir, 'long');
  makeRun(run, RUN);
  const startedMs = performance.now();
  const watched = watchRuns([run]);
  const readMs = performance.now() - startedMs;
  const dashboard = await startDashboard(watched, 0);
  const browser = await launchBrowser();
  try {
    const openings = [];
    for (let k = 0; k < OPENINGS; k++) {
      const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
      openings.push(await open(page, dashboard.url));
      await page.close();
    }
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await open(page, dashboard.url);
    const scrolled = await scroll(page, dashboard.url);
    const result: WatchBench = {
      ...{ stages: RUN.stages, agents: RUN.agents },
      events_mb: Number((statSync(join(run, 'events.jsonl')).size / 1e6).toFixed(1)),
      read_ms: Math.round(readMs),
      first_paint_ms: Math.round(median(openings.map(({ firstMs }) => firstMs))),
      full_paint_ms: Math.round(median(openings.map(({ fullMs }) => fullMs))),
      full_paint_worst_ms: Math.round(Math.max(...openings.map(({ fullMs }) => fullMs))),
      ...scrolled,
    };
    log(
      `${RUN.stages} stages x ${RUN.agents} agents, ${result.events_mb} MB of events, read in ${result.read_ms} ms: ` +
        `everything painted after ${result.full_paint_ms} ms (worst ${result.full_paint_worst_ms}; target: under 2000); ` +
        `scrolling ${result.scroll_frames_per_s} frames/s, 95% of frames within ${result.scroll_frame_p95_ms} ms, ` +
        `${result.scroll_long_tasks} tasks over 50 ms (longest ${result.scroll_longest_task_ms})`,
    );
    return result;
  } finally {
    await browser.close();
    await dashboard.close();
    watched.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function open(page: Page, url: string): Promise<{ firstMs: number; fullMs: number }> {
  await page.addInitScript({ path: PAGE_SCRIPT });
  await page.goto(url);
  return await page.evaluate(`benchWatch.painted(${RUN.stages * RUN.agents})`);
}

type Scrolled = Pick<
  WatchBench,
  'scroll_frames_per_s' | 'scroll_frame_p95_ms' | 'scroll_long_tasks' | 'scroll_longest_task_ms'
>;

/** Scrolls the list of decisions down and up, and the timeline along its length. */
async function scroll(page: Page, url: string): Promise<Scrolled> {
  await page.goto(`${url}#/0/decisions`);
  for (let k = 0; k < 9; k++) await page.getByRole('button', { name: /Show \d+ older/ }).click();
  const { frames, tasks }: { frames: number[]; tasks: number[] } = await page.evaluate(
    `benchWatch.scrolled(${SCROLL_MS})`,
  );
  const sorted = [...frames].sort((a, b) => a - b);
  const total = frames.reduce((sum, ms) => sum + ms, 0);
  return {
    scroll_frames_per_s: Math.round((1000 * frames.length) / total),
    scroll_frame_p95_ms: Number((sorted[Math.floor(0.95 * sorted.length)] ?? Number.NaN).toFixed(1)),
    scroll_long_tasks: tasks.length,
    scroll_longest_task_ms: Math.round(Math.max(0, ...tasks)),
  };
}
