/** A run as its views see it: read from files that may be growing, and folded. */
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
import { compareEnds } from './compare.ts';
import { openHub } from './hub.ts';
import { createLineTail } from './line-tail.ts';
import { metricsCsv } from './metrics-table.ts';
import { createRunClock } from './run-clock.ts';
import { createRunFollower } from './run-follower.ts';
import { madeEvents, makeRun } from './testing/made-run.ts';
import { createTranscriptReader } from './transcripts.ts';

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

describe('a tail', () => {
  it('gives every whole line once, and a torn one when it is whole', () => {
    const path = join(dir, 'tail.jsonl');
    const tail = createLineTail(path);
    expect(tail.poll()).toEqual({ restarted: false, values: [] });
    writeFileSync(path, '{"a":1}\n{"a"');
    expect(tail.poll().values).toEqual([{ a: 1 }]);
    expect(tail.poll().values).toEqual([]);
    appendFileSync(path, ':2}\n');
    expect(tail.poll().values).toEqual([{ a: 2 }]);
  });

  it('starts anew when the file was cut back and went on past the place that was read', () => {
    const path = join(dir, 'cut.jsonl');
    writeFileSync(path, '1\n2\n3\n');
    const tail = createLineTail(path);
    tail.poll();
    truncateSync(path, 2);
    appendFileSync(path, '20\n30\n40\n');
    expect(tail.poll()).toEqual({ restarted: true, values: [1, 20, 30, 40] });
    expect(tail.poll()).toEqual({ restarted: false, values: [] });
  });

  it('names the line that is not JSON, counting those read before', () => {
    const path = join(dir, 'bad.jsonl');
    writeFileSync(path, '1\n');
    const tail = createLineTail(path);
    tail.poll();
    appendFileSync(path, '2\noops\n');
    expect(() => tail.poll()).toThrow(`${path}:3: expected a line of JSON, got "oops"`);
  });

  it('reads the same values however the file grows', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { maxLength: 8 }),
        fc.array(fc.nat(200), { maxLength: 5 }),
        (values, cuts) => {
          const path = join(dir, 'grows.jsonl');
          const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
          writeFileSync(path, '');
          const tail = createLineTail(path);
          const seen: unknown[] = [];
          const places = [...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort(
            (a, b) => a - b,
          );
          for (const [k, place] of places.entries()) {
            appendFileSync(path, bytes.subarray(places[k - 1] ?? 0, place));
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
  it("has Wilson's interval for shares, Student's for other rewards, itself for a single one", () => {
    expect(meanWithInterval([1, 0, 1, 1])).toEqual(wilsonInterval(3, 4));
    // by hand: mean 0.5, s = 0.5, t(0.975, 2) = 4.3027
    const { mean, low, high } = meanWithInterval([0, 0.5, 1].map((x) => 0.25 + x / 2));
    expect(mean).toBeCloseTo(0.5, 12);
    expect(high - mean).toBeCloseTo((4.302653 * 0.25) / Math.sqrt(3), 5);
    expect(low).toBeCloseTo(1 - high, 12);
    expect(meanWithInterval([0.3])).toEqual({ mean: 0.3, low: 0.3, high: 0.3 });
  });

  it('is compared with the one before, prompt by prompt', () => {
    const view = foldEvents([
      { kind: 'stage_evaluation', stage: 0, rewards: [0, 0, 1, 1] },
      { kind: 'stage_evaluation', stage: 1, rewards: [1, 0, 1, 1] },
    ]);
    const [base, next] = stageEvaluations(view);
    expect(base).not.toHaveProperty('change');
    expect(next?.change).toMatchObject({ mean: 0.25, prompts: 4 });
  });
});

describe('the clock', () => {
  it('gives every stretch to one phase and stage, and pauses between processes to none', () => {
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
    // 1-3 before the first progress and 3-6 after it are the rollout
    expect(first).toMatchObject({ phases: { rollout: 5000, update: 4000 }, rssBytes: 70 });
    expect(rows.at(-1)).toMatchObject({ kind: 'now', stage: 2 });
    const total = rows.flatMap((row) => (row.kind === 'clock' ? Object.values(row.phases) : []));
    expect(total.reduce((sum, ms) => sum + ms, 0)).toBe(13_000); // not the 990 s in between
    expect(clock.take()).toEqual([]);
  });
});

describe('a follower', () => {
  it('gives a subscriber everything so far, then what is new', () => {
    const run = freshRun({ played: 4 });
    const follower = createRunFollower(run);
    follower.poll();
    const heard: { rows: number; restarted: boolean }[] = [];
    const view = createRunView();
    follower.subscribe((rows, restarted) => {
      heard.push({ rows: rows.length, restarted });
      foldRows(view, rows);
    });
    expect(heard).toHaveLength(1);
    expect(view.status).toBe('stopped');
    appendFileSync(
      join(run, 'events.jsonl'),
      '{"kind":"stage_started","stage":5,"order":[0]}\n{"kind":"from the fu',
    );
    follower.poll();
    expect(heard[1]).toEqual({ rows: 1, restarted: false });
    appendFileSync(join(run, 'events.jsonl'), 'ture"}\n{"kind":"run_finished","stage":10}\n');
    follower.poll();
    expect(view.status).toBe('finished');
  });

  it('says when a run went on from an earlier checkpoint, and forgets what it took back', () => {
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

  it('knows a run that a process is writing', () => {
    const run = freshRun({ played: 2 });
    const follower = createRunFollower(run);
    writeFileSync(join(run, 'lock'), JSON.stringify({ pid: 1, identity: 'x', host: 'elsewhere', since: '' }));
    follower.poll();
    expect(follower.status).toBe('running');
  });
});

describe('a hub', () => {
  it('refuses in one line what is no run, of a newer format, or damaged', () => {
    expect(() => openHub([dir])).toThrow(`${dir}: expected a run folder`);
    const newer = freshRun();
    writeFileSync(join(newer, 'manifest.json'), '{"format": 3, "troupe": "9.0.0"}');
    expect(() => openHub([newer])).toThrow(
      `${newer}: expected a run of format 2, got format 3, written by troupe 9.0.0; use that version`,
    );
    const damaged = freshRun();
    appendFileSync(join(damaged, 'events.jsonl'), 'oops\n');
    expect(() => openHub([damaged])).toThrow(/events.jsonl:\d+: expected a line of JSON, got "oops"/);
  });

  it('reads a run whose last line is torn', () => {
    const run = freshRun();
    appendFileSync(join(run, 'events.jsonl'), '{"kind":"upd');
    const hub = openHub([run]);
    expect(hub.runs[0]?.follower.status).toBe('finished');
    hub.close();
  });

  it('goes on with the others when one run cannot be read any further, and says why', () => {
    const [good, bad] = [freshRun(), freshRun()];
    const hub = openHub([good, bad, good]);
    expect(hub.runs).toHaveLength(2);
    const problems: RunRow[] = [];
    hub.subscribe((_, rows) => {
      problems.push(...rows.filter((row) => row.kind === 'status' && row.problem !== undefined));
    });
    appendFileSync(join(bad, 'events.jsonl'), 'oops\n');
    appendFileSync(join(good, 'events.jsonl'), '{"kind":"warning","stage":1,"message":"still here"}\n');
    hub.poll();
    hub.close();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ problem: expect.stringContaining('expected a line of JSON') });
    expect(hub.isRunning()).toBe(false);
  });

  it('tells runs of one name apart', () => {
    mkdirSync(join(dir, 'a'), { recursive: true });
    mkdirSync(join(dir, 'b'), { recursive: true });
    makeRun(join(dir, 'a', 'same'), { stages: 2, agents: 1 });
    makeRun(join(dir, 'b', 'same'), { stages: 2, agents: 1, seed: 2 });
    const hub = openHub([join(dir, 'a', 'same'), join(dir, 'b', 'same')]);
    expect(hub.runs.map(({ label }) => label)).toEqual(['a/same', 'b/same']);
    const [first, second] = compareEnds(hub.runs);
    hub.close();
    expect(first).not.toHaveProperty('difference');
    expect(second?.difference?.mean).toBeCloseTo(second!.evaluation!.mean - first!.evaluation!.mean, 12);
  });
});

describe('what else is read of a run', () => {
  it('are times, whose picture stacks the phases to the whole stage', () => {
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

  it('transcripts: prompts of the most stages first, and what was said to one in a stage', () => {
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

  it('metrics as a table with a column per key', () => {
    const [head, ...rows] = metricsCsv(freshRun({ stages: 2 }))
      .trimEnd()
      .split('\r\n');
    expect(head).toContain('agent_1/kl/quantile');
    expect(new Set(rows.map((row) => row.split(',').length))).toEqual(new Set([head!.split(',').length]));
  });

  it('the essentials in a terminal, in any width', () => {
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
      expect(text).toMatch(/agent_0 was|agent_0 stays|agent_1/);
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
    expect(empty).toContain('the first stage is being played');
  });
});
