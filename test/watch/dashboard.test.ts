/** Tests the dashboard in a real browser: every view, keyboard use, phone size, exports, and a live run. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Dashboard, startDashboard } from '../../src/serve/dashboard/server.ts';
import { makeRun } from '../../src/watch/testing/made-run.ts';
import { type WatchedRuns, watchRuns } from '../../src/watch/watched-runs.ts';
import { buildDashboard } from '../../web/dashboard/build.ts';
import { complaintsOf, HAS_BROWSER, launchBrowser, type PageComplaints } from './browser.ts';

const TROUPE = fileURLToPath(new URL('../../bin/troupe.mjs', import.meta.url));
const TIMEOUT_MS = 240_000;
const VIEWS = ['overview', 'decisions', 'gates', 'agents', 'transcripts', 'machine', 'setup', 'compare'];

it('the committed page is the build of its source', async () => {
  for (const { name, text } of await buildDashboard())
    expect(
      readFileSync(new URL(`../../web/dashboard/built/${name}`, import.meta.url), 'utf8') === text,
      `web/dashboard/built/${name} differs from the build of its source; run "npm run build:dashboard"`,
    ).toBe(true);
});

describe.skipIf(!HAS_BROWSER)('in a browser', () => {
  let browser: Browser;
  let dir: string;
  let watched: WatchedRuns;
  let dashboard: Dashboard;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'troupe-page-'));
    const long = 'an agent whose name is much longer than anybody would expect, <b>and</b> odd';
    makeRun(join(dir, 'first'), { stages: 30, agents: 3, names: ['ada', 'grace', long] });
    makeRun(join(dir, 'second-run-with-a-rather-long-name-as-people-have-them'), {
      stages: 12,
      agents: 3,
      seed: 2,
    });
    makeRun(join(dir, 'nothing-yet'), { stages: 12, agents: 2, played: 0, stageEvaluationPrompts: 0 });
    watched = watchRuns(
      ['first', 'second-run-with-a-rather-long-name-as-people-have-them', 'nothing-yet'].map((name) =>
        join(dir, name),
      ),
    );
    dashboard = await startDashboard(watched, 0);
    browser = await launchBrowser();
  }, TIMEOUT_MS);
  afterAll(async () => {
    await browser?.close();
    await dashboard?.close();
    watched?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  async function openPage(
    path: string,
    options: BrowserContextOptions = {},
  ): Promise<{ page: Page; complaints: PageComplaints; close(): Promise<void> }> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      acceptDownloads: true,
      ...options,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    const complaints = complaintsOf(page);
    await page.goto(`${dashboard.url}${path}`);
    await page.locator('main').waitFor();
    return { page, complaints, close: () => context.close() };
  }

  it.each(['light', 'dark'] as const)(
    'shows every view in %s, on a desktop and on a phone, without errors or requests to other hosts',
    async (colorScheme) => {
      for (const width of [1280, 360]) {
        const { page, complaints, close } = await openPage('', {
          colorScheme,
          viewport: { width, height: 800 },
        });
        for (const run of ['0', '2'])
          for (const view of VIEWS) {
            await page.goto(`${dashboard.url}#/${run}/${view}`);
            await page.locator(`nav a[aria-current="page"][href$="/${view}"]`).waitFor();
            await page.locator('main .card').first().waitFor();
            const wide = await page.evaluate<number>('document.documentElement.scrollWidth');
            expect(wide, `${view} of run ${run} at ${width}`).toBeLessThanOrEqual(width);
            expect(await page.locator('main').textContent()).not.toMatch(/NaN|undefined|\[object/);
          }
        expect(complaints).toEqual({ errors: [], foreign: [] });
        await close();
      }
    },
    TIMEOUT_MS,
  );

  it(
    'explains a rejected update by keyboard alone',
    async () => {
      const { page, complaints, close } = await openPage('#/0/decisions');
      const focused = () => page.evaluate<string>('document.activeElement.textContent');
      await page.keyboard.press('Tab');
      expect(await focused()).toBe('Skip to the view');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Tab'); // the first focusable element of the view is the timeline
      for (const key of ['Home', 'ArrowRight', 'ArrowDown', 'ArrowDown', 'ArrowUp'])
        await page.keyboard.press(key);
      await page.waitForURL(/stage=2&row=1$/);
      await expect.poll(() => page.locator('.chosen .sentence').textContent()).toMatch(/Stage 2\. grace was/);
      // selects the rejected updates and checks the explanation of each
      await page.getByLabel('Outcome').selectOption('kl_rejected');
      const refused = await page.locator('.decisions li').allInnerTexts();
      expect(refused.length).toBeGreaterThan(0);
      for (const text of refused)
        expect(text).toMatch(/was not changed: all 3 attempts left the trust region/);
      // the arrow keys move the marker along a chart to read its values
      await page.goto(`${dashboard.url}#/0/overview`);
      const chart = page.locator('[data-chart="reward"]');
      await chart.locator('.plot').focus();
      await page.keyboard.press('Home');
      await page.keyboard.press('ArrowRight');
      await expect.poll(() => chart.locator('.where').textContent()).toBe('stage 1');
      await page.keyboard.press('Escape');
      await expect.poll(() => chart.locator('.where').textContent()).toBe('newest');
      expect(complaints.errors).toEqual([]);
      await close();
    },
    TIMEOUT_MS,
  );

  it(
    'scrolls to the selected cell of a long timeline',
    async () => {
      const { page, close } = await openPage('#/0/overview', { viewport: { width: 360, height: 800 } });
      const scroller = page.locator('.timeline .scroller');
      await scroller.focus();
      /** Returns the distance of the selected cell from the visible part, pixels; 0 if it is visible. */
      const outOfSight = () =>
        page.evaluate<number>(`(() => {
          const shown = document.querySelector('.timeline .scroller').getBoundingClientRect();
          const cell = document.querySelector('.timeline .cursor').getBoundingClientRect();
          return Math.max(0, shown.left - cell.left - 2, cell.right - shown.right - 2);
        })()`);
      for (const [key, stage] of [
        ['End', 30],
        ['Home', 1],
        ['End', 30],
      ] as const) {
        await page.keyboard.press(key);
        await page.waitForURL(new RegExp(`stage=${stage}&`));
        await expect.poll(outOfSight, { message: `after ${key}` }).toBe(0);
      }
      await close();
    },
    TIMEOUT_MS,
  );

  it(
    'shows two long texts with little in common within 10 s',
    async () => {
      const words = (stage: number) =>
        Array.from({ length: 12_000 }, (_, k) => `${stage}:${(k * (stage + 7919)) % 99_991}`).join(' ');
      const run = join(dir, 'long-texts');
      makeRun(run, { stages: 2, agents: 1 });
      for (const stage of [0, 1, 2])
        writeFileSync(
          join(run, 'completions', `stage-000${stage}.jsonl`),
          `${JSON.stringify({
            ...{
              stage,
              split: 'test',
              item: 'test-0',
              sample: 0,
              prompt: '?',
              answer: '1',
              correct: true,
            },
            ...{ reason: '', reward: 1, messages: [{ turn: 0, agent: 0, text: words(stage) }] },
          })}\n`,
        );
      const own = watchRuns([run]);
      const server = await startDashboard(own, 0);
      const page = await browser.newPage();
      const start = performance.now();
      await page.goto(`${server.url}#/0/transcripts`);
      await page.getByText('too different to mark the changes').waitFor();
      expect(performance.now() - start).toBeLessThan(10_000);
      await page.close();
      await server.close();
      own.close();
    },
    TIMEOUT_MS,
  );

  it(
    'shows two stages of one prompt side by side with marked changes',
    async () => {
      const { page, close } = await openPage('#/0/transcripts?item=test-1&a=0&b=12');
      await page.locator('ins').first().waitFor();
      const sides = page.locator('.side');
      expect(await sides.count()).toBe(2);
      await expect.poll(() => sides.nth(1).textContent()).toMatch(/✓ correct[\s\S]*expected 3/);
      expect(await sides.nth(0).textContent()).toMatch(/✕ wrong/);
      expect((await page.locator('ins').allInnerTexts()).join('')).toContain('2');
      await close();
    },
    TIMEOUT_MS,
  );

  it(
    'saves a chart as SVG and PNG and its data as CSV',
    async () => {
      const { page, complaints, close } = await openPage('#/0/overview');
      for (const [chart, name] of [
        ['[data-chart="reward"]', 'first-reward'],
        ['.timeline', 'first-timeline'],
      ] as const)
        for (const [kind, begins] of [
          ['SVG', '<svg'],
          ['PNG', '\x89PNG'],
          ['CSV', 's'],
        ] as const) {
          const [download] = await Promise.all([
            page.waitForEvent('download'),
            page
              .locator(chart)
              .getByRole('button', { name: `Save ${name} as ${kind}` })
              .click(),
          ]);
          expect(download.suggestedFilename()).toBe(`${name}.${kind.toLowerCase()}`);
          const bytes = readFileSync(await download.path());
          expect(bytes.toString('latin1').startsWith(begins)).toBe(true);
          expect(bytes.length).toBeGreaterThan(300);
        }
      expect(complaints.errors).toEqual([]);
      await close();
    },
    TIMEOUT_MS,
  );

  it(
    'reports a lost connection, and the reason why a run can no longer be read',
    async () => {
      makeRun(join(dir, 'breaks'), { stages: 5, agents: 2 });
      const own = watchRuns([join(dir, 'breaks')], { pollIntervalMs: 50 });
      const server = await startDashboard(own, 0);
      const page = await browser.newPage();
      await page.goto(server.url);
      await page.locator('.tiles').waitFor();
      writeFileSync(join(dir, 'breaks', 'events.jsonl'), 'oops\n');
      await expect
        .poll(() => page.locator('.banner').textContent())
        .toMatch(/expected a line of JSON, got "oops"/);
      await server.close();
      own.close();
      await expect.poll(() => page.locator('.badge.lost').textContent()).toMatch(/connection lost/);
      await page.close();
    },
    TIMEOUT_MS,
  );

  it(
    'updates while a real run trains: train --watch',
    async () => {
      const team = join(dir, 'team.yaml');
      writeFileSync(
        team,
        `name: tiny
base: base
agents: 2
task: {name: arithmetic, operands: 2, max_operand: 9}
engine: {threads: 1}
pretrain: {layers: 1, hidden_size: 32, heads: 2, kv_heads: 1, intermediate_size: 64, steps: 40, batch_size: 64, max_positions: 64}
train: {stages: 8, prompts_per_step: 16, num_generations: 4, minibatch_size: 32, max_completion_length: 16}
gate: {every: 4, n_plan: 20}
eval: {prompts: 20, k: 1, stage_prompts: 20}
`,
      );
      expect(spawnSync(process.execPath, [TROUPE, 'pretrain', team], { cwd: dir }).status).toBe(0);
      const child = spawn(
        process.execPath,
        [TROUPE, 'train', team, '--run', 'live', '--watch', '0', '--tensorboard', 'board'],
        { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] },
      );
      const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
      const complaints = complaintsOf(page);
      try {
        await page.goto(await printedAddress(child));
        const counts = new Set<string>();
        const decisions = page.getByText(/All \d+ decisions/);
        let wasRunning = false;
        const ended = once(child, 'exit');
        while (child.exitCode === null) {
          if (await decisions.isVisible().catch(() => false))
            counts.add((await decisions.textContent()) ?? '');
          wasRunning ||= await page
            .locator('.badge.running')
            .isVisible()
            .catch(() => false);
          await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 50))]);
        }
        expect(child.exitCode).toBe(0);
        expect(counts.size, `counts that the page showed: ${[...counts].join('; ')}`).toBeGreaterThan(1);
        expect(wasRunning).toBe(true);
      } finally {
        child.kill();
        await page.close();
      }
      expect(complaints.foreign).toEqual([]);
      // after the run, the files alone give the same results
      const after = watchRuns([join(dir, 'live')]);
      expect(after.runs[0]?.follower.status).toBe('finished');
      after.close();
      expect(readFileSync(join(dir, 'live', 'report.md'), 'utf8')).toContain(
        '![Team reward](report/reward.svg)',
      );
      expect(readFileSync(join(dir, 'live', 'report', 'reward.svg'), 'utf8')).toMatch(/^<svg/);
      const watched = spawnSync(process.execPath, [TROUPE, 'watch', 'live', '--json'], {
        cwd: dir,
        encoding: 'utf8',
      });
      expect(watched.status).toBe(0);
      const rows = watched.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(rows.filter(({ kind }) => kind === 'update')).toHaveLength(16);
      expect(new Set(rows.map(({ run }) => run))).toEqual(new Set(['live']));
    },
    TIMEOUT_MS,
  );
});

/** Returns the URL that `--watch` prints. */
function printedAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stderr?.on('data', (chunk) => {
      output += String(chunk);
      const url = /dashboard at (http:\S+)/.exec(output)?.[1];
      if (url !== undefined) resolve(url);
    });
    child.once('exit', () => reject(new Error(`expected an address, got "${output}"`)));
  });
}
