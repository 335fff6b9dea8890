/**
 * Tests use cases that are called from code: a team given as an object, events as an async iterable, abort
 * signals.
 */
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { evaluate } from '../src/app/evaluate.ts';
import { type PretrainEvent, pretrain } from '../src/app/pretrain.ts';
import { swap } from '../src/app/swap.ts';
import { train } from '../src/app/train.ts';
import type { TrainingEvent } from '../src/app/training-run.ts';
import type { UseCaseEvent } from '../src/app/use-case.ts';
import type { TeamFile } from '../src/config/schema.ts';
import { finishedStages } from '../src/run-view/selectors.ts';
import { Interrupted } from '../src/train/interrupted.ts';

const PATIENCE_MS = 120_000;

let dir: string;
let team: TeamFile;
const written: string[] = [];

beforeAll(async () => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-library-'));
  team = {
    name: 'tiny',
    base: join(dir, 'base'),
    agents: 2,
    task: { name: 'arithmetic', operands: 2, max_operand: 9 },
    engine: { threads: 1 },
    pretrain: {
      layers: 1,
      hidden_size: 32,
      heads: 2,
      kv_heads: 1,
      intermediate_size: 64,
      steps: 20,
      batch_size: 32,
      max_positions: 64,
    },
    train: { stages: 2, prompts_per_step: 4, num_generations: 4, max_completion_length: 16 },
    gate: { kind: 'off' },
    eval: { prompts: 8, k: 1 },
  };
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => written.push(String(text)) > 0);
}, PATIENCE_MS);

afterAll(() => {
  vi.restoreAllMocks();
  fs.rmSync(dir, { recursive: true, force: true });
  expect(written).toEqual([]); // use cases must not write to the terminal
});

describe('the library', () => {
  it(
    'pretrains, trains, evaluates and swaps without a team file',
    async () => {
      const steps: PretrainEvent[] = [];
      const models = await pretrain({ config: team, onEvent: (event) => steps.push(event) });
      expect(models).toEqual([expect.objectContaining({ folder: join(dir, 'base'), steps: 20 })]);
      expect(steps.map(({ kind }) => kind)).toEqual([
        'pretrain_started',
        ...Array.from({ length: 20 }, () => 'pretrain_step'),
        'pretrain_finished',
      ]);
      expect(await pretrain({ config: team })).toEqual([]);

      const run = train({ config: team, run: join(dir, 'run') });
      const kinds: string[] = [];
      for await (const event of run) if (event.kind !== 'phase') kinds.push(event.kind);
      const result = await run.result;
      expect(kinds[0]).toBe('run_opened');
      expect(kinds.filter((kind) => kind === 'stage_finished')).toHaveLength(2);
      expect(kinds.at(-1)).toBe('run_finished');
      expect(result.run).toBe(join(dir, 'run'));
      expect(finishedStages(result.view)).toHaveLength(2);
      expect(fs.existsSync(join(result.checkpoint, 'agent_1', 'config.json'))).toBe(true);
      expect(fs.readFileSync(result.report, 'utf8')).toContain('# tiny');

      const progress: UseCaseEvent[] = [];
      const { evaluation, transcripts } = await evaluate({
        team: result.run,
        samples: 2,
        transcripts: join(dir, 'transcripts.jsonl'),
        onEvent: (event) => progress.push(event),
      });
      expect(evaluation).toMatchObject({ split: 'test', prompts: 8, samples: 2 });
      expect(
        fs
          .readFileSync(transcripts ?? '', 'utf8')
          .trim()
          .split('\n'),
      ).toHaveLength(16);
      expect(progress.at(-1)).toMatchObject({ kind: 'progress', label: 'messages', done: 32, total: 32 });
      expect(await evaluate({ team, transcripts: false })).not.toHaveProperty('transcripts');

      const record = await swap({ team: result.run, agent: 1, replacement: join(dir, 'base'), dryRun: true });
      expect(record).toMatchObject({ agent: { id: 1, name: 'agent_1' }, mode: 'mixture', dryRun: true });
    },
    PATIENCE_MS,
  );

  it(
    'stops a training by its AbortSignal, and resumes it',
    async () => {
      const controller = new AbortController();
      const events: TrainingEvent[] = [];
      const stopped = train({
        config: team,
        run: join(dir, 'stopped'),
        signal: controller.signal,
        onEvent: (event) => {
          events.push(event);
          if (event.kind === 'stage_finished') controller.abort();
        },
      });
      await expect(stopped.result).rejects.toThrow(Interrupted);
      expect(events.filter(({ kind }) => kind === 'stage_finished')).toHaveLength(1);
      const { view } = await train({ resume: join(dir, 'stopped') }).result;
      expect(finishedStages(view)).toHaveLength(2);
    },
    PATIENCE_MS,
  );

  it('rejects a wrong team in one line per problem', async () => {
    const run = train({ config: { ...team, train: { stages: -1 }, seed: -2 } });
    await expect(run.result).rejects.toThrow(
      /^seed: expected an integer >= 0, got -2\ntrain\.stages: expected an integer >= 0, got -1$/,
    );
  });
});
