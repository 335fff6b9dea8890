import { expect, it } from 'vitest';
import { modelCallRow, renderTimeline, sharedTime } from './model-calls.ts';

const START = Date.parse('2026-01-01T00:00:00.000Z');

const call = (worker: string, name: string, [from, to]: readonly [number, number]) =>
  modelCallRow(
    {
      worker,
      call: name,
      startMs: START + from,
      elapsedMs: to - from,
      computeMs: to - from - 1,
      sentBytes: 10,
      receivedBytes: 20,
    },
    3,
  );

const rows = [
  call('agent_0', 'sample', [0, 500]),
  call('agent_1', 'sample', [250, 750]),
  call('agent_0', 'snapshot', [500, 500]),
  call('agent_1', 'forward', [750, 1000]),
];

it('a row has the start, the worker and the durations of a call', () => {
  expect(rows[1]).toEqual({
    time: '2026-01-01T00:00:00.250Z',
    stage: 3,
    worker: 'agent_1',
    call: 'sample',
    ms: 500,
    compute_ms: 499,
    sent_bytes: 10,
    received_bytes: 20,
  });
});

it('the shared time is that with at least so many workers computing', () => {
  expect(sharedTime(rows, 1)).toBe(1);
  expect(sharedTime(rows, 2)).toBe(0.25);
  expect(sharedTime(rows, 3)).toBe(0);
  expect(sharedTime([], 1)).toBe(0);
});

it('the timeline has one line per worker', () => {
  const [first, second, time, shares] = renderTimeline(rows).split('\n');
  expect(first).toMatch(/^agent_0 \|s{37} {35}\|$/);
  expect(second).toMatch(/^agent_1 \| {18}s{36}f{18}\|$/);
  expect(time).toMatch(/^1\.0 s; /);
  expect(shares).toBe('share of the time with at least that many workers computing: 1: 100%, 2: 25%');
  expect(renderTimeline([])).toBe('nothing was computed\n');
});
