/** Tests the TensorBoard export of a run's metrics, during and after the run. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readEvents } from '../observe/testing/read-tensorboard.ts';
import { createTensorBoardExport } from './tensorboard-export.ts';
import { makeRun } from './testing/made-run.ts';

const dir = mkdtempSync(join(tmpdir(), 'troupe-board-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const fileIn = (folder: string): Buffer => {
  const names = readdirSync(folder);
  expect(names).toHaveLength(1);
  return readFileSync(join(folder, names[0]!));
};

it('has every number of every row at its stage and time, and appends new rows', () => {
  const run = join(dir, 'run');
  makeRun(run, { stages: 5, agents: 2 });
  const board = createTensorBoardExport(run, join(dir, 'board'));
  board.poll();
  const [first, ...events] = readEvents(fileIn(join(dir, 'board')));
  expect(first?.version).toBe('brain.Event:2');
  const rows = readFileSync(join(run, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events).toHaveLength(rows.length);
  for (const [k, row] of rows.entries()) {
    expect(events[k]?.step).toBe(row.stage);
    for (const [tag, value] of events[k]!.scalars) expect(value).toBe(Math.fround(row[tag]));
  }
  const tags = new Set(events.flatMap(({ scalars }) => scalars.map(([tag]) => tag)));
  expect([...tags]).toEqual(
    expect.arrayContaining(['reward', 'agent_1/kl/quantile', 'gate/wealth', 'test/reward']),
  );
  for (const [k, { wallTime }] of events.entries())
    expect(wallTime).toBeGreaterThanOrEqual(events[k - 1]?.wallTime ?? 1_767_225_600); // 2026-01-01, as made
  const evaluated = readFileSync(join(run, 'timings.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .find(({ kind, stage }) => kind === 'stage_evaluation' && stage === 3);
  const evaluation = events[rows.findIndex((row) => row.stage === 3 && 'test/reward' in row)];
  expect(evaluation?.wallTime).toBe(Date.parse(evaluated.time) / 1000);

  appendFileSync(join(run, 'metrics.jsonl'), '{"stage":6,"reward":0.75}\n{"sta');
  board.poll();
  expect(readEvents(fileIn(join(dir, 'board'))).at(-1)).toMatchObject({
    step: 6,
    scalars: [['reward', 0.75]],
  });
});

it('is byte-identical for a finished run, and replaces an earlier export', () => {
  const run = join(dir, 'again');
  makeRun(run, { stages: 3, agents: 1 });
  createTensorBoardExport(run, join(dir, 'twice')).poll();
  const once = fileIn(join(dir, 'twice'));
  createTensorBoardExport(run, join(dir, 'twice')).poll();
  expect(fileIn(join(dir, 'twice'))).toEqual(once);
});
