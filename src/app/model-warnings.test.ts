import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { evaluate } from './evaluate.ts';
import { train } from './train.ts';
import type { TrainingEvent } from './training-run.ts';
import type { UseCaseEvent } from './use-case.ts';

let base: string;
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'troupe-warnings-'));
  cpSync('recipes/quickstart-base', base, { recursive: true });
  const path = join(base, 'config.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), frobnicate: 1 }));
});
afterAll(() => rmSync(base, { recursive: true }));

const TEAM = () => ({
  base,
  agents: 2,
  task: { name: 'arithmetic' },
  engine: { threads: 1 },
  train: { max_completion_length: 8 },
});
const warning = () => `${join(base, 'config.json')}: the key "frobnicate" is not known and is ignored`;

it('emits a warning about a model folder once, although two agents have it', async () => {
  const events: UseCaseEvent[] = [];
  await evaluate({
    team: TEAM(),
    prompts: 1,
    samples: 1,
    transcripts: false,
    onEvent: (event) => events.push(event),
  });
  expect(events.filter(({ kind }) => kind === 'warning')).toEqual([{ kind: 'warning', message: warning() }]);
});

it('emits the warnings of a training whose models cannot be loaded, before its error', async () => {
  const weights = join(base, 'model.safetensors');
  writeFileSync(weights, readFileSync(weights).subarray(0, -100));
  const events: TrainingEvent[] = [];
  const run = train({
    ...{ config: TEAM(), run: join(base, 'run') },
    onEvent: (event) => events.push(event),
  });
  await expect(run.result).rejects.toThrow(weights);
  expect(events.filter(({ kind }) => kind === 'warning')).toEqual([
    { kind: 'warning', stage: 0, message: warning() },
  ]);
});
