import { describe, expect, it } from 'vitest';
import { accuracy, count, duration, points, signed, small } from '../report/format.ts';
import { renderLive } from '../report/live-view.ts';
import { renderReport, renderSummary } from '../report/summary.ts';
import { bar, markdownTable, sparkline, textTable } from '../report/text-table.ts';
import { foldEvents } from '../run-view/event-rows.ts';
import { createLiveRows } from '../run-view/live-rows.ts';
import { createRunView, foldRows } from '../run-view/run-view.ts';
import type { RunEvent, UpdateRecord, UpdateStatus } from '../train/events.ts';
import { createJsonLinesSink } from './json-lines-sink.ts';
import { createTerminalSink } from './terminal-sink.ts';

function update(
  stage: number,
  agent: number,
  status: UpdateStatus,
  klQuantiles: readonly number[],
): UpdateRecord & { kind: 'update' } {
  return {
    kind: 'update',
    stage,
    agent,
    status,
    attempts: klQuantiles.map((klQuantile, attempt) => ({
      attempt,
      beta: 0.001 * 1.5 ** attempt,
      lrScale: 0.5 ** attempt,
      klQuantile,
      klMean: klQuantile / 4,
      klMax: klQuantile * 2,
      klMessageMean: klQuantile * 3,
      tvMean: 0.01,
      accepted: status === 'ACCEPT' && attempt === klQuantiles.length - 1,
    })),
    betaNext: 0.001,
    lrScaleNext: 0.5 ** Math.max(0, klQuantiles.length - 1),
    targetKl: 0.01,
    reward: 0.4,
    rewardStd: 0.2,
    fracRewardZeroStd: 0.1,
    meanLength: 12,
    clippedRatio: 0,
    trajectories: 256,
    tokens: 3000,
    logpMismatchMax: 2.1e-6 * (stage + agent),
  };
}

/** Events of a short run, with every kind of event. */
const RUN: readonly RunEvent[] = [
  { kind: 'run_started', stages: 2, agents: ['ada', 'bob'], fromStage: 0 },
  {
    kind: 'evaluation',
    stage: 0,
    label: 'before',
    prompts: 200,
    samples: 8,
    team: { mean: 0.441, low: 0.402, high: 0.48 },
    agents: [
      { mean: 0.41, low: 0.37, high: 0.45 },
      { mean: 0.4, low: 0.36, high: 0.44 },
    ],
  },
  { kind: 'stage_started', stage: 1, order: [0, 1] },
  { kind: 'phase', stage: 1, agent: 0, phase: 'rollout', done: 128, total: 256 },
  { kind: 'rollout', stage: 1, agent: 0, reward: 0.44, trajectories: 256, tokens: 3000 },
  update(1, 0, 'ACCEPT', [0.0081]),
  { kind: 'rollout', stage: 1, agent: 1, reward: 0.45, trajectories: 256, tokens: 3000 },
  update(1, 1, 'ACCEPT', [0.031, 0.0052]),
  { kind: 'stage_finished', stage: 1, reward: 0.445, accepted: 2, tokens: 6000 },
  { kind: 'checkpoint', stage: 1, name: 'stage-0001' },
  { kind: 'stage_started', stage: 2, order: [0, 1] },
  { kind: 'rollout', stage: 2, agent: 0, reward: 0.5, trajectories: 256, tokens: 3000 },
  update(2, 0, 'REJECT_KL', [0.08, 0.04, 0.02]),
  { kind: 'warning', stage: 2, message: 'the validation split ran out' },
  { kind: 'rollout', stage: 2, agent: 1, reward: 0.52, trajectories: 256, tokens: 3000 },
  update(2, 1, 'SKIP', []),
  {
    kind: 'gate',
    stage: 2,
    gate: 'promotion',
    index: 1,
    alpha: 0.0304,
    prompts: 312,
    wealth: 40.2,
    harmWealth: 0.2,
    meanDifference: 0.083,
    decision: 'promote',
  },
  { kind: 'stage_finished', stage: 2, reward: 0.51, accepted: 0, tokens: 12000 },
  {
    kind: 'evaluation',
    stage: 2,
    label: 'after',
    prompts: 200,
    samples: 8,
    team: { mean: 0.553, low: 0.515, high: 0.59 },
    agents: [
      { mean: 0.5, low: 0.46, high: 0.54 },
      { mean: 0.51, low: 0.47, high: 0.55 },
    ],
  },
  {
    kind: 'comparison',
    stage: 2,
    label: 'after - before',
    difference: { mean: 0.112, low: 0.071, high: 0.154, prompts: 200 },
  },
  { kind: 'run_finished', stage: 2 },
];

/** Returns the terminal sink's output to a pipe; the clock advances by `stepMs` per event. */
function play(events: readonly RunEvent[], stepMs = 4000): string {
  let text = '';
  let nowMs = 0;
  const stream = { isTTY: false, write: (chunk: string) => (text += chunk) } as unknown as NodeJS.WriteStream;
  const sink = createTerminalSink({ stream, now: () => nowMs });
  for (const event of events) {
    nowMs += stepMs;
    sink.emit(event);
  }
  return text;
}

describe('in a pipe', () => {
  it('a run is one line per stage, test and warning', () => {
    expect(play(RUN)).toMatchInlineSnapshot(`
      "[    4s] team of 2 (ada, bob), 2 stages
      [   20s] stage 1/2 · rollout ada 128/256 · 150 tok/s · reward 0.440
      [   36s] stage 1/2 · reward 0.445 · accepted 2/2 · kl 0.0081 0.0052 · backtracks 1 · 167 tok/s · 24s of training left
      [   52s] stage 2/2 · 173 tok/s · reward 0.445 · 16s of training left
      [   56s] warning: the validation split ran out
      [ 1m08s] test 1 at stage 2: promoted to champion; +0.083 reward over 312 prompts (wealth 40.2 of 32.9)
      [ 1m12s] stage 2/2 · reward 0.510 · accepted 0/2 (REJECT_KL, SKIP) · kl 0.0200 - · backtracks 2 · 167 tok/s
      [ 1m24s] finished after stage 2 in 1m24s
      "
    `);
  });

  it('a long phase gets a heartbeat line, a short one none', () => {
    const phases = Array.from(
      { length: 4 },
      (_, i): RunEvent => ({
        kind: 'phase',
        stage: 1,
        agent: 1,
        phase: 'rollout',
        done: 64 * i,
        total: 256,
      }),
    );
    expect(play([...RUN.slice(0, 5), ...phases], 1000)).not.toContain('rollout');
    expect(play([...RUN.slice(0, 5), ...phases], 6000)).toMatch(
      /\[ {3}42s\] stage 1\/2 · rollout bob 64\/256 · \d+ tok\/s · reward 0\.440\n/,
    );
  });

  it('a resumed run names the stage it continues after', () => {
    const [start] = RUN;
    expect(play([{ ...start, fromStage: 1 } as RunEvent])).toContain('2 stages, going on after stage 1');
  });
});

describe('on a terminal', () => {
  const at = (events: readonly RunEvent[]) => {
    const view = createRunView();
    const rowsOf = createLiveRows();
    for (const [i, event] of events.entries()) foldRows(view, rowsOf(event, 4000 * (i + 1)));
    return view;
  };

  it('the view shows stage, phase, rate, time left, agents and reward', () => {
    const view = at(RUN.slice(0, 13));
    expect(
      renderLive(view, { startedMs: 0, nowMs: 60_000, columns: 80, color: false }),
    ).toMatchInlineSnapshot(`
      "stage 2/2 · 150 tok/s · 1m00s elapsed · 8s of training left

      agent      KL  of radius                beta  lr x  backtracks  verdict
      ada    0.0200       200%  ██████████  0.0010  0.25           2  REJECT_KL
      bob    0.0052        52%  █████░░░░░  0.0010  0.50           1  ACCEPT

      reward  0.445  ▁
      accepted 2/3 (66.7%) · no test yet · champion: base team"
    `);
  });

  it('the view before the first episode shows no reward', () => {
    const text = renderLive(at(RUN.slice(0, 1)), { startedMs: 0, nowMs: 9000, columns: 80, color: false });
    expect(text).toMatchInlineSnapshot(`
      "stage 0/2 · 9s elapsed

      agent  KL  of radius    beta  lr x  backtracks  verdict
      ada
      bob

      reward  (waiting for the first episodes)
      accepted 0/0 · no test yet · champion: base team"
    `);
  });

  it('only verdicts and the table head are colored', () => {
    const view = at(RUN.slice(0, 13));
    const colored = renderLive(view, { startedMs: 0, nowMs: 60_000, columns: 80, color: true });
    expect(colored).toContain('\u001b[32mACCEPT\u001b[39m');
    expect(colored).toContain('\u001b[33mREJECT_KL\u001b[39m');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: stripping the colors is the point
    expect(colored.replaceAll(/\u001b\[\d+m/g, '')).toBe(
      renderLive(view, { startedMs: 0, nowMs: 60_000, columns: 80, color: false }),
    );
  });

  it('lines of tests and warnings stay above the view, which is redrawn in place', async () => {
    let text = '';
    const stream = {
      isTTY: true,
      columns: 100,
      rows: 40,
      write: (chunk: string) => (text += chunk),
    } as unknown as NodeJS.WriteStream;
    const sink = createTerminalSink({ stream, now: () => 1000 });
    for (const event of RUN) sink.emit(event);
    await sink.close?.();
    expect(text).toContain('test 1 at stage 2: promoted to champion');
    expect(text).not.toContain('· kl '); // no plain stage lines
    expect(text).toContain('accepted 2/4 (50.0%)');
  });
});

describe('the end of a run', () => {
  it('is summarized as text and tables', () => {
    expect(renderSummary(foldEvents(RUN))).toMatchInlineSnapshot(`
      "                      team          best agent  prompts
      before  44.1% [40.2, 48.0]  41.0% [37.0, 45.0]  200 x 8
      after   55.3% [51.5, 59.0]  51.0% [47.0, 55.0]  200 x 8

      after - before: +11.2 [+7.1, +15.4] points, better (paired 95% interval, 200 prompts)

      updates   4 in 2 stages: 2 accepted, 1 rejected by KL, 0 by the test, 0 not finite, 1 skipped
      attempts  6, of which 3 backtracks
      radius    no accepted update used more than 81.0% of its radius
      tests     1: 1 promotion, 0 undecided, 0 roll-backs; champion: stage 2
      cut off   0.0% of messages
      sampler   agreed with the trainer within 6.3e-6 nats per token
      tokens    12k sampled for training

      warning: the validation split ran out
      "
    `);
  });

  it('is reported as Markdown', () => {
    const facts = { title: 'quickstart', facts: [['seed', '1']] as const };
    expect(renderReport(foldEvents(RUN), facts)).toMatchInlineSnapshot(`
      "# quickstart

      |  |  |
      |---|---|
      | seed | 1 |

      ## Before and after

      Accuracy on test prompts, with 95% intervals.

      |  | team | best agent | prompts |
      |---|--:|--:|--:|
      | before | 44.1% [40.2, 48.0] | 41.0% [37.0, 45.0] | 200 x 8 |
      | after | 55.3% [51.5, 59.0] | 51.0% [47.0, 55.0] | 200 x 8 |

      * after - before: +11.2 [+7.1, +15.4] points, better (paired 95% interval, 200 prompts)

      ## What training did

      |  |  |
      |---|---|
      | updates | 4 in 2 stages: 2 accepted, 1 rejected by KL, 0 by the test, 0 not finite, 1 skipped |
      | attempts | 6, of which 3 backtracks |
      | radius | no accepted update used more than 81.0% of its radius |
      | tests | 1: 1 promotion, 0 undecided, 0 roll-backs; champion: stage 2 |
      | cut off | 0.0% of messages |
      | sampler | agreed with the trainer within 6.3e-6 nats per token |
      | tokens | 12k sampled for training |

      | agent | accepted | backtracks | largest KL, of radius | beta |
      |---|--:|--:|--:|--:|
      | ada | 1/2 | 2 | 81.0% | 0.0010 |
      | bob | 1/2 | 1 | 52.0% | 0.0010 |

      Mean reward per stage: \`▁█\` (0.445 to 0.510)

      ## Warnings

      * the validation split ran out
      "
    `);
  });

  it('has no numbers for a run without measurements', () => {
    const text = renderSummary(foldEvents([]));
    expect(text).toContain('no update was accepted');
    expect(text).not.toContain('NaN');
    expect(renderReport(foldEvents([]), { title: 't', facts: [] })).toContain('No evaluation was made.');
  });

  it('has no best agent if no agent sent a message', () => {
    const silent = { mean: Number.NaN, low: 0, high: 1 };
    const spoke = { mean: 0.25, low: 0.2, high: 0.3 };
    const table = (agents: readonly (typeof silent)[]) => {
      const event = { ...RUN[1], agents } as RunEvent;
      return renderSummary(foldEvents([JSON.parse(JSON.stringify(event)) as RunEvent]));
    };
    expect(table([silent])).toMatch(/^before .* - +200 x 8$/m);
    expect(table([silent, spoke])).toContain('25.0% [20.0, 30.0]');
  });

  it('counts the stages whose certificate proves a gain', () => {
    const certificate = { prompts: 9, delta: 0.05, gainMean: 0.1, paperBound: -47062 };
    const stage = (gainLower: number, k: number): RunEvent => ({
      ...{ kind: 'stage_finished', stage: k + 1, reward: 0, accepted: 1, tokens: 1 },
      certificate: { ...certificate, gainLower },
    });
    const text = renderSummary(foldEvents([-0.01, 0.02, 0].map(stage)));
    expect(text).toMatch(/^certificates +1 of 3 stages with a lower bound above 0$/m);
    expect(renderSummary(foldEvents(RUN))).not.toContain('certificates');
  });

  it('counts updates accepted by a step test without naming a champion', () => {
    const gate = RUN.find((event) => event.kind === 'gate');
    const step = { ...gate, gate: 'step' } as RunEvent;
    expect(foldEvents([step]).championStage).toBeUndefined();
    expect(renderSummary(foldEvents([step]))).toContain('1: 1 passed, 0 taken back');
  });
});

it('the JSON lines have every event unchanged', () => {
  const lines: string[] = [];
  const sink = createJsonLinesSink({ write: (text) => lines.push(text) });
  for (const event of RUN) sink.emit(event);
  expect(lines.map((line) => JSON.parse(line) as RunEvent)).toEqual(RUN);
});

describe('formats', () => {
  it('of durations, counts and shares are short', () => {
    expect([0, 59_400, 59_600, 3_599_000, 3_660_000].map(duration)).toEqual([
      '0s',
      '59s',
      '1m00s',
      '59m59s',
      '1h01m',
    ]);
    expect([0, 999, 1234, 12_345, 1_234_567].map(count)).toEqual(['0', '999', '1.2k', '12k', '1.2M']);
    expect(accuracy({ mean: 0.4412, low: 0.4, high: 0.481 })).toBe('44.1% [40.0, 48.1]');
    expect(points({ mean: -0.01, low: -0.0001, high: 0 })).toBe('-1.0 [+0.0, +0.0]');
    expect([signed(-1.26, 1), signed(0.5, 2), small(0), small(1e-5), small(0.01), small(Number.NaN)]).toEqual(
      ['-1.3', '+0.50', '0.0000', '1.0e-5', '0.0100', 'NaN'],
    );
  });

  it('of tables align and escape columns', () => {
    expect(
      textTable(
        [
          ['a', 'bb'],
          ['ccc', 'd'],
        ],
        ['left', 'right'],
      ),
    ).toBe('a    bb\nccc   d');
    expect(
      markdownTable(
        [
          ['a', 'b'],
          ['x|y', 'z'],
        ],
        ['left', 'right'],
      ),
    ).toBe('| a | b |\n|---|--:|\n| x\\|y | z |');
  });

  it('of one-line charts span the range of the values', () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8)).toBe('▁▂▃▄▅▆▇█');
    expect(sparkline([5, 5, 5], 2)).toBe('▁▁');
    expect(sparkline([], 5)).toBe('');
    expect([bar(0, 4), bar(0.5, 4), bar(9, 4)]).toEqual(['░░░░', '██░░', '████']);
  });
});
