import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { evaluate } from './evaluate.ts';
import type { UseCaseEvent } from './use-case.ts';

let base: string;
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'troupe-warnings-'));
  cpSync('recipes/quickstart-base', base, { recursive: true });
  const path = join(base, 'config.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), frobnicate: 1 }));
});
afterAll(() => rmSync(base, { recursive: true }));

it('emits a warning about a model folder once, although two agents have it', async () => {
  const events: UseCaseEvent[] = [];
  await evaluate({
    team: {
      base,
      agents: 2,
      task: { name: 'arithmetic' },
      engine: { threads: 1 },
      train: { max_completion_length: 8 },
    },
    prompts: 1,
    samples: 1,
    transcripts: false,
    onEvent: (event) => events.push(event),
  });
  expect(events.filter(({ kind }) => kind === 'warning')).toEqual([
    {
      kind: 'warning',
      message: `${join(base, 'config.json')}: the key "frobnicate" is not known and is ignored`,
    },
  ]);
});
