/**
 * Tests user tasks, evaluation on several benchmarks, transcripts and contamination checks through the
 * command line.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../src/cli/main.ts';
import { signalsItself } from './self-signal.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TROUPE = join(ROOT, 'bin', 'troupe.mjs');
const PATIENCE_MS = 240_000;

let dir: string;

/**
 * Runs a command in this process, so that modules are loaded only once. Tests with kills need separate
 * processes.
 */
async function troupe(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const output = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      output[name] += String(text);
      return true;
    }),
  );
  const cwd = process.cwd();
  process.chdir(dir);
  try {
    return { status: await main(args), ...output };
  } finally {
    process.chdir(cwd);
    for (const spy of spies) spy.mockRestore();
  }
}

const SUITE = `
name: suite
base: ${join(ROOT, 'recipes', 'quickstart-base')}
agents: 2
engine: {threads: 1}
task: {name: arithmetic}
train: {stages: 1, prompts_per_step: 4, num_generations: 2, max_completion_length: 24}
gate: {kind: off}
eval:
  prompts: 4
  k: 2
  benchmarks:
    - {name: sums, task: {module: mine/task.ts}, k: 4, prompts: 150}
    - {name: chains, task: {name: arithmetic, operands: 2}, k: 8, prompts: 70}
`;

beforeAll(async () => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-evaluation-'));
  expect(await troupe('tasks', 'init', 'mine')).toMatchObject({ status: 0, stderr: '' });
  fs.writeFileSync(join(dir, 'suite.yaml'), SUITE);
  // links the package as npm would install it, because the test of the user's task imports from it
  fs.mkdirSync(join(dir, 'node_modules'));
  fs.symlinkSync(ROOT, join(dir, 'node_modules', 'troupe'), 'dir');
}, PATIENCE_MS);
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

/** Returns the content of every file of an evaluation that must not depend on the number of kills. */
function bytesOf(folder: string): Record<string, string> {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    names
      .filter((name) => !name.endsWith('timings.jsonl') && fs.statSync(join(folder, name)).isFile())
      .map((name) => [name, fs.readFileSync(join(folder, name), 'utf8')]),
  );
}

const journalOf = (folder: string): number => {
  const path = join(folder, 'journal.jsonl');
  return fs.existsSync(path) ? fs.readFileSync(path, 'utf8').split('\n').length - 1 : 0;
};

/** Runs an evaluation and kills it when its journal has the given number of lines. */
async function killedAt(lines: number, folder: string, ...args: string[]): Promise<void> {
  const child = spawn(process.execPath, [TROUPE, ...args], {
    cwd: dir,
    env: signalsItself('SIGKILL', { lines, file: join(folder, 'journal.jsonl') }),
    stdio: 'ignore',
  });
  expect(await once(child, 'close')).toEqual([null, 'SIGKILL']);
}

describe('a user task', () => {
  it(
    'from the template passes its own test and the check',
    async () => {
      const { status, stdout } = spawnSync(process.execPath, ['--test', join(dir, 'mine', 'task.test.mjs')], {
        cwd: ROOT,
        encoding: 'utf8',
      });
      expect({ status, passed: /pass 5/.test(stdout) }).toEqual({ status: 0, passed: true });
      const check = await troupe('tasks', 'check', 'mine/team.yaml');
      expect(check).toMatchObject({ status: 0, stderr: '' });
      expect(check.stdout).toContain('gold answers are accepted, an empty text is not');
    },
    PATIENCE_MS,
  );

  it(
    'can be trained on, evaluated and shown',
    async () => {
      const train = await troupe(
        'train',
        'mine/team.yaml',
        '--run',
        'run',
        '--train.stages',
        '1',
        '--train.prompts_per_step',
        '4',
        '--gate.kind',
        'off',
        '--eval.prompts',
        '4',
        '--eval.k',
        '1',
      );
      expect(train).toMatchObject({ status: 0, stderr: '' });
      expect(train.stdout).toContain('trained team');
      expect((await troupe('eval', 'run', '--prompts', '3', '-k', '2')).status).toBe(0);

      const shown = (await troupe('show', 'run', '--stage', '1', '--prompt', '0', '--limit', '2')).stdout;
      expect(shown).toMatch(/^== stage 1: prompt 0, train:\d+\n {4}\| \d+\+\d+\+\d+=\n/);
      expect(shown).toMatch(/sample 0, for agent \d\n {2}agent 0 \(turn 0\)\n {4}\| /);
      const json = await troupe('show', 'run', '--split', 'test', '--prompt', '2', '--json');
      const rows = json.stdout.trim().split('\n');
      expect(rows.map((line) => JSON.parse(line) as object)).toMatchObject([
        { item: 'test:2', sample: 0, position: 2 },
        { item: 'test:2', sample: 1, position: 2 },
      ]);
      expect(await troupe('show', 'run', '--prompt', 'test:77')).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(/^run: expected prompt test:77, got \d+ others: train:/),
      });
    },
    PATIENCE_MS,
  );

  it(
    'does not overwrite an existing folder',
    async () => {
      const before = bytesOf(join(dir, 'mine'));
      expect(await troupe('tasks', 'init', 'mine')).toMatchObject({
        status: 2,
        stderr: 'mine: expected a name that is not taken, got an existing one; nothing was written\n',
      });
      expect(bytesOf(join(dir, 'mine'))).toEqual(before);
      expect(await troupe('tasks', 'init', 'what is this')).toMatchObject({ status: 2, stdout: '' });
      expect((await troupe('tasks')).stdout).toMatch(
        /arithmetic +chains[\s\S]*numeric +the number[\s\S]*math500 +MATH-500/,
      );
    },
    PATIENCE_MS,
  );
});

describe('an evaluation on several benchmarks', () => {
  it(
    'that is killed several times and resumed has the bytes of an undisturbed one',
    async () => {
      expect(await troupe('eval', 'suite.yaml', '--benchmark', 'all', '--out', 'whole')).toMatchObject({
        status: 0,
      });
      const whole = bytesOf(join(dir, 'whole'));
      expect(Object.keys(whole)).toEqual([
        'episodes/chains.jsonl',
        'episodes/sums.jsonl',
        'evaluation.json',
        'journal.jsonl',
        'report.json',
        'report.md',
      ]);
      const killed = join(dir, 'killed');
      await killedAt(1, killed, 'eval', 'suite.yaml', '--benchmark', 'all', '--out', 'killed');
      expect(journalOf(killed)).toBeLessThan(journalOf(join(dir, 'whole')));
      await killedAt(2, killed, 'eval', 'suite.yaml', '--benchmark', 'all', '--out', 'killed', '--resume');
      expect(await troupe('eval', '--resume', 'killed')).toMatchObject({ status: 0 });
      expect(bytesOf(killed)).toEqual(whole);

      const report = JSON.parse(whole['report.json'] ?? '') as {
        benchmarks: { name: string; team: object; agents: object; pass_at: object[] }[];
      };
      expect(report.benchmarks.map(({ name }) => name)).toEqual(['sums', 'chains']);
      expect(report.benchmarks[1]).toMatchObject({
        k: 8,
        prompts: 70,
        team: { avg: { mean: expect.any(Number) }, maj: { low: expect.any(Number) } },
        agents: { agent_0: {}, agent_1: {} },
        pass_at: [{ k: 1 }, { k: 2 }, { k: 4 }, { k: 8 }],
      });
      expect(whole['report.md']).toContain('| difficulty 3 digits (');
    },
    PATIENCE_MS,
  );

  it(
    'is compared with another team on the same prompts, and stops decided votes early',
    async () => {
      fs.writeFileSync(join(dir, 'other.yaml'), SUITE.replace('agents: 2', 'agents: 1'));
      const words = ['--benchmark', 'chains', '--prompts', '12'];
      const { status, stdout } = await troupe(
        'eval',
        'suite.yaml',
        ...words,
        '--against',
        'other.yaml',
        '--early-stop',
        'exact',
        '--out',
        'duel',
      );
      expect(status).toBe(0);
      expect(stdout).toMatch(
        /avg@K - that of suite: [+-][\d.]+ \[.*\] points, \w+ \(paired 95% interval, 12 prompts\)/,
      );
      expect(stdout).toMatch(/votes stopped early \(exact\): \d+ of 96 answers, [\d.]+% of the tokens saved/);
      expect((await troupe('show', 'duel', '--prompt', '3', '--sample', '0')).stdout).toMatch(
        /^== chains: prompt 3, test-3.*gold answer/,
      );
      expect(
        await troupe('eval', 'other.yaml', ...words, '--against', 'whole', '--out', 'mismatch'),
      ).toMatchObject({
        status: 2,
        stderr: expect.stringContaining(
          'expected an evaluation on the same prompts of chains with the same settings',
        ),
      });
    },
    PATIENCE_MS,
  );

  it(
    'names a missing data file and its source, and downloads nothing',
    async () => {
      expect(await troupe('eval', 'suite.yaml', '--benchmark', 'math500', '--data', 'nowhere')).toMatchObject(
        {
          status: 2,
          stderr: expect.stringMatching(
            /^benchmark math500: expected its file math500\.jsonl or math500\/test\.jsonl, got nothing at nowhere; .*troupe downloads no data\n$/,
          ),
        },
      );
      expect((await troupe('eval', 'suite.yaml', '--benchmark', 'math50')).stderr).toContain(
        'did you mean "math500"?',
      );
      fs.mkdirSync(join(dir, 'data'), { recursive: true });
      fs.writeFileSync(join(dir, 'data', 'aime2024.jsonl'), '{"problem": "12+7=", "answer": "019"}\n');
      const { stdout } = await troupe(
        'eval',
        'suite.yaml',
        '--benchmark',
        'aime2024',
        '--data',
        'data',
        '-k',
        '1',
        '--base',
        'none',
      );
      expect(stdout).toBe('');
    },
    PATIENCE_MS,
  );
});

describe('training prompts that occur in an evaluation set', () => {
  const train = (...args: string[]) =>
    troupe('train', 'dirty.yaml', '--run', 'clean', '--train.stages', '0', ...args);
  beforeAll(() => {
    const lines = fs
      .readFileSync(join(dir, 'mine', 'data.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .slice(0, 60);
    const sums = lines.map((line) => JSON.parse(line) as { numbers: number[]; sum: number });
    const write = (name: string, rows: readonly object[]): void =>
      fs.writeFileSync(join(dir, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    write(
      'train.jsonl',
      sums.map(({ numbers, sum }) => ({ prompt: `${numbers.join('+')}=`, answer: `#${sum}` })),
    );
    write(
      'measured.jsonl',
      sums
        .slice(0, 40)
        .map(({ numbers, sum }) => ({ prompt: `$ ${numbers.join(' \\, + ')} = $`, answer: sum })),
    );
    fs.writeFileSync(
      join(dir, 'dirty.yaml'),
      SUITE.replace(
        / {2}benchmarks:[\s\S]*/,
        '  benchmarks: [{name: measured, task: {name: jsonl, test_path: measured.jsonl}}]\n',
      ).replace('task: {name: arithmetic}', 'task: {name: jsonl, path: train.jsonl}'),
    );
  });

  it(
    'are refused by id before anything is written',
    async () => {
      const { status, stderr } = await train();
      expect(status).toBe(2);
      expect(stderr).toMatch(
        /^dirty\.yaml:\d+:\d+ task: expected prompts that are in no evaluation set, but (\d+) of \d+ train and validation prompts occur in measured \(\1\): train:\d+ is test:\d+ of measured \(same text\), .*; leave them out by contamination\.action: drop\n$/,
      );
      expect(fs.existsSync(join(dir, 'clean'))).toBe(false);
    },
    PATIENCE_MS,
  );

  it(
    'are left out with a warning with action drop',
    async () => {
      const { status, stdout } = await train('--contamination.action', 'drop', '--json');
      expect(status).toBe(0);
      expect(stdout).toMatch(/left out: \d+ of \d+ train and validation prompts occur in measured/);
    },
    PATIENCE_MS,
  );
});
