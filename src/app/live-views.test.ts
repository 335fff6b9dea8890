import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { makeRun } from '../watch/testing/made-run.ts';
import { prepareLiveViews } from './live-views.ts';
import type { TrainingEvent } from './training-run.ts';

const dir = mkdtempSync(join(tmpdir(), 'troupe-live-views-'));
afterAll(() => rmSync(dir, { recursive: true }));

it('refuses a TensorBoard folder that cannot be written before there is a run', async () => {
  const file = join(dir, 'taken');
  writeFileSync(file, '');
  for (const tensorboard of [file, join(file, 'deeper')])
    await expect(prepareLiveViews({ tensorboard }, () => {})).rejects.toThrow(
      `--tensorboard: expected a folder that can be written, got ${tensorboard}`,
    );
});

it('reports a failed TensorBoard export once and does not throw', async () => {
  const run = join(dir, 'run');
  makeRun(run, { stages: 2, agents: 1 });
  const tensorboard = join(dir, 'board');
  const events: TrainingEvent[] = [];
  const start = await prepareLiveViews({ tensorboard }, (event) => events.push(event));
  const stop = await start?.(run);
  // makes the first write fail, as on a full disk: a file has the name of the folder to create
  mkdirSync(tensorboard);
  writeFileSync(join(tensorboard, 'run'), '');
  await stop?.();
  expect(events).toEqual([{ kind: 'tensorboard_failed', message: expect.any(String) }]);
});
