import { describe, expect, it } from 'vitest';
import { ConfigError } from '../support/errors.ts';
import { isRunEvent, type TrainingEvent, type TrainingResult, TrainingRun } from './training-run.ts';

const RESULT = {
  run: '/run',
  checkpoint: '/run/checkpoints/champion',
  report: '/run/report.md',
} as TrainingResult;

const phase = (done: number): TrainingEvent => ({
  kind: 'phase',
  stage: 1,
  phase: 'rollout',
  done,
  total: 9,
});
const finished: TrainingEvent = { kind: 'run_finished', stage: 1 };

async function read(run: TrainingRun): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

describe('events of a run', () => {
  it('reach a reader in order, while the run goes on', async () => {
    let step = (): void => {};
    const run = new TrainingRun(async (emit) => {
      emit(phase(1));
      await new Promise<void>((resolve) => {
        step = resolve;
      });
      emit(finished);
      return RESULT;
    });
    const events = run[Symbol.asyncIterator]();
    expect(await events.next()).toEqual({ done: false, value: phase(1) });
    const next = events.next();
    step();
    expect(await next).toEqual({ done: false, value: finished });
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(await run.result).toBe(RESULT);
  });

  it('queue up until they are read, the last progress of a phase alone', async () => {
    const run = new TrainingRun(async (emit) => {
      for (let done = 1; done <= 9; done++) emit(phase(done));
      emit(finished);
      emit(phase(9));
      return RESULT;
    });
    await run.result;
    expect(await read(run)).toEqual([phase(9), finished, phase(9)]);
  });

  it('end with the error of a failed run, which needs no other handler', async () => {
    const run = new TrainingRun(async (emit) => {
      emit(phase(1));
      throw new ConfigError('no');
    });
    const events: TrainingEvent[] = [];
    await expect(
      (async () => {
        for await (const event of run) events.push(event);
      })(),
    ).rejects.toThrow(ConfigError);
    expect(events).toEqual([phase(1)]);
    await expect(run.result).rejects.toThrow(ConfigError);
  });
});

it('tells events of the run from those of the process', () => {
  expect([finished, phase(1)].every(isRunEvent)).toBe(true);
  expect(isRunEvent({ kind: 'run_opened', dir: '/run' })).toBe(false);
});
