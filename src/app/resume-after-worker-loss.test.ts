import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { MARKER } from '../store/checkpoint-folder.ts';
import { CHECKPOINTS, CONFIG_FILE } from '../store/layout.ts';
import { ConfigError, EngineError } from '../support/errors.ts';
import { checkpointName } from '../train/store-port.ts';
import { resumingAfterWorkerLoss } from './resume-after-worker-loss.ts';

const run = mkdtempSync(join(tmpdir(), 'troupe-resuming-'));
afterEach(() => rmSync(run, { recursive: true, force: true }));

const lost = (): never => {
  throw new EngineError('engine ray sample: the actor is gone; a run that was training is saved, resume it', {
    retryable: true,
  });
};

/**
 * Runs one of the steps per attempt, and returns the `resume` flag of each attempt and the reported losses.
 */
async function attempts(steps: readonly (() => void)[]) {
  const resumed: boolean[] = [];
  const lines: string[] = [];
  let error: unknown;
  try {
    await resumingAfterWorkerLoss(run, false, {
      attempt: async (resume) => {
        resumed.push(resume);
        steps[resumed.length - 1]?.();
      },
      onLoss: (line) => lines.push(line),
      pauseMs: 1,
    });
  } catch (thrown) {
    error = thrown;
  }
  return { resumed, lines, error };
}

const checkpointed = (stage: number) => (): never => {
  mkdirSync(join(run, CHECKPOINTS, checkpointName(stage)), { recursive: true });
  writeFileSync(join(run, CHECKPOINTS, checkpointName(stage), MARKER), '{}');
  writeFileSync(join(run, CONFIG_FILE), '');
  return lost();
};

it('starts again without a run folder and resumes with one', async () => {
  const { resumed, lines, error } = await attempts([lost, checkpointed(2), () => {}]);
  expect(error).toBeUndefined();
  expect(resumed).toEqual([false, false, true]);
  expect(lines).toEqual([
    'engine ray sample: the actor is gone; starting again',
    'engine ray sample: the actor is gone; going on from stage 2',
  ]);
});

it('gives up after three losses without a new checkpoint', async () => {
  const { resumed, error } = await attempts([lost, lost, checkpointed(1), lost, lost, () => {}]);
  expect(error).toMatchObject({ retryable: true });
  expect(resumed).toHaveLength(5);
});

it('rethrows errors that are not retryable', async () => {
  const { resumed, error } = await attempts([
    () => {
      throw new ConfigError('no');
    },
  ]);
  expect(error).toBeInstanceOf(ConfigError);
  expect(resumed).toEqual([false]);
});
