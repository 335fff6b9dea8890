/**
 * Trains a relay team on a guessing game through the command line. The run is killed, resumed, evaluated and
 * shown.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signalsItself } from './self-signal.ts';

const TROUPE = fileURLToPath(new URL('../bin/troupe.mjs', import.meta.url));

const TEAM = `
name: guessers
base: base
agents: 2
protocol: {kind: relay}
task: {name: guess-number, digits: 2, symbols: 4, rounds: 3, clues: 1}
engine: {threads: 1}
pretrain: {layers: 1, hidden_size: 32, heads: 2, kv_heads: 1, intermediate_size: 64, steps: 60, batch_size: 32, max_positions: 64}
train: {stages: 2, prompts_per_step: 6, num_generations: 4, minibatch_size: 12, max_completion_length: 4}
optimizer: {learning_rate: 1.0e-3}
gate: {every: 2, n_plan: 8}
eval: {prompts: 8, k: 2}
`;

const PATIENCE_MS = 240_000;

let dir: string;
let team: string;

beforeAll(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-interactive-'));
  team = join(dir, 'team.yaml');
  fs.writeFileSync(team, TEAM);
  expect(troupe('pretrain', team)).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/after 60 steps, \d\.\d{3} on unseen problems\n$/),
  });
  expect(troupe('train', team, '--run', 'whole')).toMatchObject({ status: 0, stderr: '' });
}, PATIENCE_MS);
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

function troupe(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const options = { cwd: dir, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [TROUPE, ...args], options);
  return { status, stdout, stderr };
}

/** Returns the content of every file of a run that must not depend on a kill. */
function bytesOf(run: string): Record<string, string> {
  const root = join(dir, run);
  const files = fs
    .readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(
    paths
      .map((path) => [relative(root, path), fs.readFileSync(path).toString('base64')] as const)
      .filter(([name]) => !['timings.jsonl', 'manifest.json'].includes(name)),
  );
}

interface Said {
  readonly messages: readonly { readonly agent: string | number; readonly text: string }[];
}

function rowsOf(path: string): Said[] {
  const lines = fs.readFileSync(join(dir, path), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Said);
}

describe('a relay and a guessing game', () => {
  it('stores the observation after each guess', () => {
    const rows = rowsOf('whole/completions/stage-0001.jsonl');
    expect(rows.length).toBeGreaterThan(0);
    for (const { messages } of rows) {
      const speakers = messages.map(({ agent }) => agent);
      expect(speakers).toEqual(speakers.map((_, k) => (k % 2 === 1 ? 'environment' : (k / 2) % 2)));
      for (const [k, { text }] of messages.entries())
        if (k % 2 === 1) expect(text).toMatch(/^([0-2]{2}|\?)$/);
    }
  });

  it(
    'has the same bytes when it is killed and resumed',
    async () => {
      const child = spawn(process.execPath, [TROUPE, 'train', team, '--run', 'killed', '--json'], {
        cwd: dir,
        env: signalsItself('SIGKILL', { lines: 150 }),
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      child.stdout.resume();
      const [code] = (await once(child, 'close')) as [number | null];
      expect(code).toBeNull();
      expect(troupe('train', '--resume', 'killed')).toMatchObject({ status: 0, stderr: '' });
      expect(bytesOf('killed')).toEqual(bytesOf('whole'));
    },
    PATIENCE_MS,
  );

  it(
    'is evaluated with further scores, and its episodes can be shown',
    () => {
      const { status, stdout } = troupe('eval', 'whole', '-k', '2', '--prompts', '6');
      expect(status).toBe(0);
      expect(stdout).toMatch(/further scores: turns \d\.\d+ \[.*best .*consistent /);
      const { stdout: shown } = troupe('show', 'whole', '--prompt', '0');
      expect(shown).toMatch(/environment \(turn 0\)/);
    },
    PATIENCE_MS,
  );

  it.each([
    [['--protocol.kind', 'debate'], /protocol\.kind: expected relay, router or vote with .* got debate/],
    [
      ['--protocol.rounds', '2'],
      /protocol\.rounds: expected no rounds with the interactive task guess-number/,
    ],
  ])('rejects %j before anything is loaded', (flags, message) => {
    const { status, stderr } = troupe('train', team, ...flags, '--run', 'refused');
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
    expect(fs.existsSync(join(dir, 'refused'))).toBe(false);
  });
});
