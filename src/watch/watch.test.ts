/** Tests the rows and views of a run that are read from files while another process may be writing them. */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wilsonInterval } from '../core/stats.ts';
import { phaseChart, totalPhases } from '../report/chart/machine.ts';
import { renderRun } from '../report/terminal-view.ts';
import { foldEvents, meanWithInterval } from '../run-view/event-rows.ts';
import type { RunFacts, RunRow } from '../run-view/rows.ts';
import { createRunView, foldRows } from '../run-view/run-view.ts';
import { stageEvaluations } from '../run-view/selectors.ts';
import type { RunEvent } from '../train/events.ts';
import { compareLatestEvaluations } from './compare-evaluations.ts';
import { createJsonlTail } from './jsonl-tail.ts';
import { metricsCsv } from './metrics-csv.ts';
import { createRunClock } from './run-clock.ts';
import { createRunFollower } from './run-follower.ts';
import { madeEvents, makeRun } from './testing/made-run.ts';
import { createTranscriptReader } from './transcripts.ts';
import { watchRuns } from './watched-runs.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-watch-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let made = 0;
function freshRun(options: Partial<Parameters<typeof makeRun>[1]> = {}): string {
  const path = join(dir, `run-${++made}`);
  makeRun(path, { stages: 10, agents: 2, ...options });
  return path;
}

describe('the tail of a JSON-lines file', () => {
  it('returns every complete line once, and a partial line once it is complete', () => {
    const path = join(dir, 'tail.jsonl');
    const tail = createJsonlTail(path);
    expect(tail.poll()).toEqual({ restarted: false, values: [] });
    writeFileSync(path, '{"a":1}\n{"a"');
    expect(tail.poll().values).toEqual([{ a: 1 }]);
    expect(tail.poll().values).toEqual([]);
    appendFileSync(path, ':2}\n');
    expect(tail.poll().values).toEqual([{ a: 2 }]);
  });

  it('restarts if the file was truncated and has grown beyond the read position', () => {
    const path = join(dir, 'cut.jsonl');
    writeFileSync(path, '1\n2\n3\n');
    const tail = createJsonlTail(path);
    tail.poll();
    truncateSync(path, 2);
    appendFileSync(path, '20\n30\n40\n');
    expect(tail.poll()).toEqual({ restarted: true, values: [1, 20, 30, 40] });
    expect(tail.poll()).toEqual({ restarted: false, values: [] });
  });

  it('reports the number of the line that is not JSON, counted from the start of the file', () => {
    const path = join(dir, 'bad.jsonl');
    writeFileSync(path, '1\n');
    const tail = createJsonlTail(path);
    tail.poll();
    appendFileSync(path, '2\noops\n');
    expect(() => tail.poll()).toThrow(`${path}:3: expected a line of JSON, got "oops"`);
  });

  it('reads the same values for any sequence of appends', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { maxLength: 8 }),
        fc.array(fc.nat(200), { maxLength: 5 }),
        (values, cuts) => {
          const path = join(dir, 'grows.jsonl');
          const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
          writeFileSync(path, '');
          const tail = createJsonlTail(path);
          const seen: unknown[] = [];
          const offsets = [...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort(
            (a, b) => a - b,
          );
          for (const [k, offset] of offsets.entries()) {
            appendFileSync(path, bytes.subarray(offsets[k - 1] ?? 0, offset));
            const { restarted, values: more } = tail.poll();
            expect(restarted).toBe(false);
            seen.push(...more);
          }
          expect(seen).toEqual(JSON.parse(JSON.stringify(values)));
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a stage evaluation', () => {
  it("has Wilson's interval for binary rewards, Student's for others, and no width for a single one", () => {
    expect(meanWithInterval([1, 0, 1, 1])).toEqual(wilsonInterval(3, 4));
    // Student's t interval of (0.25, 0.5, 0.75): mean 0.5, standard deviation 0.25, t(0.975, 2) = 4.3027.
    const { mean, low, high } = meanWithInterval([0, 0.5, 1].map((x) => 0.25 + x / 2));
    expect(mean).toBeCloseTo(0.5, 12);
    expect(high - mean).toBeCloseTo((4.302653 * 0.25) / Math.sqrt(3), 5);
    expect(low).toBeCloseTo(1 - high, 12);
    expect(meanWithInterval([0.3])).toEqual({ mean: 0.3, low: 0.3, high: 0.3 });
  });

  it('has the paired change from the previous one', () => {
    const view = foldEvents([
      { kind: 'stage_evaluation', stage: 0, rewards: [0, 0, 1, 1] },
      { kind: 'stage_evaluation', stage: 1, rewards: [1, 0, 1, 1] },
    ]);
    const [base, next] = stageEvaluations(view);
    expect(base).not.toHaveProperty('change');
    expect(next?.change).toMatchObject({ mean: 0.25, prompts: 4 });
  });
});

describe('the run clock', () => {
  it('counts every interval for one phase and stage, and pauses between processes for none', () => {
    const clock = createRunClock();
    const at = (second: number): string => new Date(1000 * second).toISOString();
    clock.add([
      { time: at(0), kind: 'run_started' },
      { time: at(1), kind: 'stage_started', stage: 1 },
      { time: at(3), kind: 'phase', stage: 1, agent: 0, phase: 'rollout' },
      { time: at(6), kind: 'rollout', stage: 1, agent: 0, rss_bytes: 50 },
      { time: at(6), kind: 'phase', stage: 1, agent: 0, phase: 'update' },
      { time: at(10), kind: 'update', stage: 1, agent: 0, rss_bytes: 70 },
      { time: at(1000), kind: 'run_started' },
      { time: at(1001), kind: 'checkpoint', stage: 1 },
      { time: at(1003), kind: 'stage_started', stage: 2 },
    ]);
    const rows = clock.take();
    const first = rows.find((row) => row.kind === 'clock' && row.stage === 1);
    // The rollout takes 5 s: 1 s to 3 s, before its first progress line, and 3 s to 6 s, after that line.
    expect(first).toMatchObject({ phases: { rollout: 5000, update: 4000 }, rssBytes: 70 });
    expect(rows.at(-1)).toMatchObject({ kind: 'now', stage: 2 });
    const total = rows.flatMap((row) => (row.kind === 'clock' ? Object.values(row.phases) : []));
    // The pause of 990 s between the two processes does not count.
    expect(total.reduce((sum, ms) => sum + ms, 0)).toBe(13_000);
    expect(clock.take()).toEqual([]);
  });
});

describe('a follower', () => {
  it('sends a subscriber all rows so far, then new ones', () => {
    const run = freshRun({ played: 4 });
    const follower = createRunFollower(run);
    follower.poll();
    const received: { rows: number; restarted: boolean }[] = [];
    const view = createRunView();
    follower.subscribe((rows, restarted) => {
      received.push({ rows: rows.length, restarted });
      foldRows(view, rows);
    });
    expect(received).toHaveLength(1);
    expect(view.status).toBe('stopped');
    appendFileSync(
      join(run, 'events.jsonl'),
      '{"kind":"stage_started","stage":5,"order":[0]}\n{"kind":"from the fu',
    );
    follower.poll();
    expect(received[1]).toEqual({ rows: 1, restarted: false });
    appendFileSync(join(run, 'events.jsonl'), 'ture"}\n{"kind":"run_finished","stage":10}\n');
    follower.poll();
    expect(view.status).toBe('finished');
  });

  it('restarts when a run was resumed from an earlier checkpoint, without the discarded events', () => {
    const run = freshRun();
    const follower = createRunFollower(run);
    follower.poll();
    let view = createRunView();
    follower.subscribe((rows, restarted) => {
      if (restarted) view = createRunView();
      foldRows(view, rows);
    });
    expect(view.decisions.length).toBeGreaterThan(10);
    const path = join(run, 'events.jsonl');
    const first = readFileSync(path, 'utf8').split('\n').slice(0, 3).join('\n');
    writeFileSync(path, `${first}\n`);
    follower.poll();
    expect(view.decisions).toHaveLength(0);
    expect(view.agents).toHaveLength(2);
  });

  it('reports a run as running while a process holds its lock', () => {
    const run = freshRun({ played: 2 });
    const follower = createRunFollower(run);
    writeFileSync(join(run, 'lock'), JSON.stringify({ pid: 1, identity: 'x', host: 'elsewhere', since: '' }));
    follower.poll();
    expect(follower.status).toBe('running');
  });
});

describe('watched runs', () => {
  it('reject in one line a folder that is no run, has a newer format or is damaged', () => {
    expect(() => watchRuns([dir])).toThrow(`${dir}: expected a run folder`);
    const newer = freshRun();
    writeFileSync(join(newer, 'manifest.json'), '{"format": 3, "troupe": "9.0.0"}');
    expect(() => watchRuns([newer])).toThrow(
      `${newer}: expected a run of format 2, got format 3, written by troupe 9.0.0; use that version`,
    );
    const damaged = freshRun();
    appendFileSync(join(damaged, 'events.jsonl'), 'oops\n');
    expect(() => watchRuns([damaged])).toThrow(/events.jsonl:\d+: expected a line of JSON, got "oops"/);
  });

  it('include a run whose last line is incomplete', () => {
    const run = freshRun();
    appendFileSync(join(run, 'events.jsonl'), '{"kind":"upd');
    const watched = watchRuns([run]);
    expect(watched.runs[0]?.follower.status).toBe('finished');
    watched.close();
  });

  it('continue without a run that can no longer be read, and report the reason', () => {
    const [good, bad] = [freshRun(), freshRun()];
    const watched = watchRuns([good, bad, good]);
    expect(watched.runs).toHaveLength(2);
    const problems: RunRow[] = [];
    watched.subscribe((_, rows) => {
      problems.push(...rows.filter((row) => row.kind === 'status' && row.problem !== undefined));
    });
    appendFileSync(join(bad, 'events.jsonl'), 'oops\n');
    appendFileSync(join(good, 'events.jsonl'), '{"kind":"warning","stage":1,"message":"still here"}\n');
    watched.poll();
    watched.close();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ problem: expect.stringContaining('expected a line of JSON') });
    expect(watched.isRunning()).toBe(false);
  });

  it('have different labels if two folders have the same name', () => {
    mkdirSync(join(dir, 'a'), { recursive: true });
    mkdirSync(join(dir, 'b'), { recursive: true });
    makeRun(join(dir, 'a', 'same'), { stages: 2, agents: 1 });
    makeRun(join(dir, 'b', 'same'), { stages: 2, agents: 1, seed: 2 });
    const watched = watchRuns([join(dir, 'a', 'same'), join(dir, 'b', 'same')]);
    expect(watched.runs.map(({ label }) => label)).toEqual(['a/same', 'b/same']);
    const [first, second] = compareLatestEvaluations(watched.runs);
    watched.close();
    expect(first).not.toHaveProperty('difference');
    expect(second?.difference?.mean).toBeCloseTo(second!.evaluation!.mean - first!.evaluation!.mean, 12);
  });
});

describe('other views of a run', () => {
  it('the time chart stacks the phases to the duration of the stage', () => {
    const run = freshRun();
    const follower = createRunFollower(run);
    follower.poll();
    const view = createRunView();
    follower.subscribe((rows) => foldRows(view, rows));
    const { series } = phaseChart(view);
    const top = series.at(-1)?.points ?? [];
    const { phases } = view.stages.get(1)!.clock!;
    const whole = Object.values(phases).reduce((sum, ms) => sum + ms, 0);
    expect(top[0]?.[1]).toBeCloseTo(whole / 1000, 9);
    expect(totalPhases(view).map(({ phase }) => phase)).toContain('rollout');
  });

  it('transcripts list the prompts with the most stages first, and the episodes of one prompt and stage', () => {
    const run = freshRun();
    const reader = createTranscriptReader(run);
    appendFileSync(
      join(run, 'completions', 'stage-0003.jsonl'),
      '{"stage":3,"item":"train-9","sample":0,"prompt":"9","messages":[],"correct":true,"reason":"","reward":1}\n{"to',
    );
    const prompts = reader.prompts();
    expect(prompts[0]).toMatchObject({
      item: 'test-0',
      split: 'test',
      stages: Array.from({ length: 11 }, (_, k) => k),
    });
    expect(prompts.at(-1)).toMatchObject({ item: 'train-9', split: 'train', stages: [3] });
    expect(reader.transcripts('test-1', 2)).toHaveLength(1);
    expect(reader.transcripts('test-1', 99)).toEqual([]);
  });

  it('the metrics table has a column per key', () => {
    const [head, ...rows] = metricsCsv(freshRun({ stages: 2 }))
      .trimEnd()
      .split('\r\n');
    expect(head).toContain('agent_1/kl/quantile');
    expect(new Set(rows.map((row) => row.split(',').length))).toEqual(new Set([head!.split(',').length]));
  });

  it('the terminal view fits any width and escapes control characters', () => {
    const events = madeEvents({ stages: 8, agents: 2, played: 6 });
    const facts: RunFacts = {
      ...{ name: 'made', task: 'made-up', protocol: 'vote', algorithm: 'sat', seed: 1, quantile: 0.99 },
      trustRegion: 'enforce',
      gate: 'promotion',
      ...{ gatePrompts: 60, config: '', manifest: {} },
    };
    for (const columns of [40, 80, 200]) {
      const text = renderRun(
        foldEvents(events),
        { label: 'made', facts },
        { nowMs: 0, columns, color: false },
      );
      expect(text).toMatch(/made-up, vote, sat, seed 1/);
      expect(text).toMatch(/stopped · stage 6\/8/);
      expect(text).toMatch(/test +0\.\d{3} \[0\.\d{3}, 0\.\d{3}\]/);
      expect(text).toMatch(/agent_0 was|agent_1/);
      expect(text).not.toMatch(/NaN|undefined/);
    }
    const strange = madeEvents({ stages: 2, agents: 1, names: ['\u001b[2Jada'] });
    const warned: RunEvent = { kind: 'warning', stage: 1, message: 'bell\u0007' };
    const drawn = renderRun(
      foldEvents([...strange, warned]),
      { label: 'made\u009b2J', facts },
      { nowMs: 0, columns: 80, color: false },
    );
    expect(drawn).toMatch(/made\\x9b2J/);
    expect(drawn).toMatch(/\\x1b\[2Jada/);
    expect(drawn).toMatch(/bell\\x07/);
    expect(drawn).not.toMatch(/(?!\n)\p{Cc}/u);
    const empty = renderRun(
      createRunView(),
      { label: 'made', facts },
      { nowMs: 0, columns: 80, color: true },
    );
    expect(empty).toContain('the first stage is running');
  });
});
