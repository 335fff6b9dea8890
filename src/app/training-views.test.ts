import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { makeRun } from '../watch/testing/made-run.ts';
import { lookingOn } from './training-views.ts';

const dir = mkdtempSync(join(tmpdir(), 'troupe-looking-on-'));
afterAll(() => rmSync(dir, { recursive: true }));

it('refuses a folder for TensorBoard that cannot be one before there is a run', async () => {
  const file = join(dir, 'taken');
  writeFileSync(file, '');
  for (const tensorboard of [file, join(file, 'deeper')])
    await expect(lookingOn({ tensorboard })).rejects.toThrow(
      `--tensorboard: expected a folder that can be written, got ${tensorboard}`,
    );
});

it('says once that TensorBoard gets no more, and lets the run go on', async () => {
  const run = join(dir, 'run');
  makeRun(run, { stages: 2, agents: 1 });
  const board = join(dir, 'board');
  const start = await lookingOn({ tensorboard: board });
  const end = await start?.(run);
  // what a full disk would do to the first file
  mkdirSync(board);
  writeFileSync(join(board, 'run'), '');
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await end?.();
    expect(said.mock.calls.map(([text]) => text)).toEqual([
      expect.stringMatching(/^warning: no more is written for TensorBoard: .*\n$/),
    ]);
  } finally {
    said.mockRestore();
  }
});
