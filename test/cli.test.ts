/**
 * Tests the command line as a user runs it: a complete run in separate processes, kills, Ctrl-C and bad
 * input.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../src/cli/main.ts';
import { randomStream } from '../src/core/rng.ts';
import { signalsItself } from './self-signal.ts';
import { type CommandResult, spawnTroupe, TROUPE } from './spawn-troupe.ts';

/**
 * A team of two agents with 10,000 parameters. It trains for three stages with a promotion test after stages
 * 2 and 3.
 */
const TEAM = `
name: tiny
base: base
agents: 2
task: {name: arithmetic, operands: 2, max_operand: 9}
engine: {threads: 1}
pretrain: {layers: 1, hidden_size: 32, heads: 2, kv_heads: 1, intermediate_size: 64, steps: 150, batch_size: 64, max_positions: 64}
train: {stages: 3, prompts_per_step: 8, num_generations: 4, minibatch_size: 16, max_completion_length: 16}
optimizer: {learning_rate: 1.0e-3}
gate: {every: 2, n_plan: 20}
eval: {prompts: 20, k: 2}
`;

/** Timeout of tests with several processes on a busy machine, ms. */
const PATIENCE_MS = 240_000;

let dir: string;
let team: string;

beforeAll(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-cli-'));
  team = join(dir, 'team.yaml');
  fs.writeFileSync(team, TEAM);
  expect(troupe('pretrain', team)).toMatchObject({ status: 0 });
  expect(troupe('train', team, '--run', join(dir, 'whole'))).toMatchObject({ status: 0, stderr: '' });
}, PATIENCE_MS);
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

const troupe = (...args: string[]): CommandResult => spawnTroupe(dir, args);

/** Runs a command in this process, which saves a second. It is used for commands that fail early. */
async function inProcess(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
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

/** Starts a command with `--json` that sends itself a signal after the given number of events. */
async function signalled(
  signal: NodeJS.Signals,
  events: number,
  ...args: string[]
): Promise<{ code: number | null; stderr: string; seen: number }> {
  const child = spawn(process.execPath, [TROUPE, ...args, '--json'], {
    cwd: dir,
    env: signalsItself(signal, { lines: events }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  let seen = 0;
  createInterface({ input: child.stdout }).on('line', () => {
    seen++;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr, seen };
}

/** Returns the content of every file of a run that must not depend on the number of kills. */
function bytesOf(run: string): Record<string, string> {
  const named = fs
    .readdirSync(run, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile());
  const paths = named.map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    paths
      .map((path): [string, string] => [relative(run, path), fs.readFileSync(path).toString('base64')])
      .filter(([name]) => !['timings.jsonl', 'manifest.json'].includes(name))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** Lists every file under the working folder with its size and modification time, to detect writes. */
function listing(): string[] {
  return fs
    .readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => `${path} ${fs.statSync(path).size} ${fs.statSync(path).mtimeMs}`)
    .sort();
}

describe('a run', () => {
  it('ends with a summary, a report, metrics and a champion', () => {
    const report = fs.readFileSync(join(dir, 'whole', 'report.md'), 'utf8');
    expect(report).toMatch(/\| untrained team \| \d+\.\d% \[/);
    expect(report).toMatch(/\| updates \| 6 in 3 stages: /);
    const metrics = fs
      .readFileSync(join(dir, 'whole', 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n');
    const keys = new Set(metrics.flatMap((line) => Object.keys(JSON.parse(line) as object)));
    for (const key of ['stage', 'reward', 'agent_0/kl', 'agent_1/learning_rate']) expect(keys).toContain(key);
    expect(fs.existsSync(join(dir, 'whole', 'checkpoints', 'champion', 'agent_1', 'model.safetensors'))).toBe(
      true,
    );
    expect(fs.existsSync(join(dir, 'whole', 'lock'))).toBe(false);
  });

  it(
    'that is killed five times at random and resumed has the bytes of an undisturbed one',
    async () => {
      const run = join(dir, 'killed');
      const draws = randomStream(20, 5);
      for (let kill = 0; kill < 5; kill++) {
        const start = fs.existsSync(join(run, 'config.yaml')) ? ['--resume', run] : [team, '--run', run];
        const events = 1 + draws.int(150);
        expect(await signalled('SIGKILL', events, 'train', ...start)).toMatchObject({
          code: null,
          seen: events,
        });
      }
      expect(troupe('train', '--resume', run)).toMatchObject({ status: 0, stderr: '' });
      expect(bytesOf(run)).toEqual(bytesOf(join(dir, 'whole')));
    },
    PATIENCE_MS,
  );

  it('that Ctrl-C stops prints the command to continue, and resumes', async () => {
    const run = join(dir, 'stopped');
    const { code, stderr } = await signalled('SIGINT', 60, 'train', team, '--run', run);
    expect(code).toBe(130);
    expect(stderr).toMatch(/Ctrl-C again stops at once\n/);
    expect(stderr).toContain(`go on with: troupe train --resume ${run}\n`);
    expect(fs.existsSync(join(run, 'lock'))).toBe(false);
    expect(troupe('train', '--resume', run)).toMatchObject({ status: 0 });
    expect(bytesOf(run)).toEqual(bytesOf(join(dir, 'whole')));
  });

  it('resumes for more stages, and repeats its closing comparison when it is finished', async () => {
    const run = join(dir, 'longer');
    fs.cpSync(join(dir, 'whole'), run, { recursive: true, verbatimSymlinks: true });
    expect((await inProcess('train', '--resume', run)).status).toBe(0);
    expect(bytesOf(run)).toEqual(bytesOf(join(dir, 'whole')));
    const { status, stdout } = await inProcess('train', '--resume', run, '--train.stages', '4');
    expect({ status, stdout }).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/going on after stage 3/),
    });
    expect(fs.existsSync(join(run, 'checkpoints', 'stage-0004', 'COMPLETE'))).toBe(true);
  });

  it('is evaluated by eval, which writes every transcript', async () => {
    const { status, stdout } = await inProcess(
      'eval',
      join(dir, 'whole'),
      '-k',
      '3',
      '--prompts',
      '10',
      '--json',
    );
    expect(status).toBe(0);
    const result = JSON.parse(stdout) as {
      samples: number;
      team: { avg: { mean: number; low: number; high: number } };
    };
    expect(result.samples).toBe(3);
    const { mean, low, high } = result.team.avg;
    expect(low <= mean && mean <= high).toBe(true);
    const [file] = fs.readdirSync(join(dir, 'whole', 'evaluations'));
    const transcripts = fs
      .readFileSync(join(dir, 'whole', 'evaluations', file!), 'utf8')
      .trim()
      .split('\n');
    expect(transcripts).toHaveLength(30);
    const correct = transcripts.filter((line) => (JSON.parse(line) as { correct: boolean }).correct).length;
    expect(mean).toBeCloseTo(correct / 30, 12);
    fs.rmSync(join(dir, 'whole', 'evaluations'), { recursive: true });
    expect((await inProcess('eval', team, '--prompts', '4')).stdout).toMatch(/^team +\d+\.\d% \[/m);
  });

  it('is evaluated by compare, if it recorded no evaluations, on the same prompts as the others', async () => {
    const { status, stdout } = await inProcess('compare', 'whole', 'whole', '--prompts', '10', '-k', '2');
    expect(status).toBe(0);
    expect(stdout).toContain('correct answers on 10 test prompts x 2 samples, by the team to use');
    // both columns are the same team with the same random streams, so the answers are equal
    expect(stdout).toMatch(/^whole .* \+0\.0 \[\+0\.0, \+0\.0\] +no proven difference$/m);
  });
});

it('warns once about records that a data set left out, in the log and the report', async () => {
  const lines = Array.from({ length: 90 }, (_, n) => JSON.stringify({ prompt: `${n}+1=`, answer: n + 1 }));
  fs.writeFileSync(join(dir, 'sums.jsonl'), lines.join('\n'));
  fs.writeFileSync(join(dir, 'held.jsonl'), lines.slice(0, 10).join('\n'));
  const task = 'task={name: jsonl, path: sums.jsonl, test_path: held.jsonl, verifier: numeric}';
  const run = join(dir, 'sums');
  const left = /warning: task jsonl: left out \d+ of \d+ records of the train split/g;
  const short = /warning: the test split of task jsonl has 10 prompts, and eval.prompts is 20/g;

  const trained = await inProcess('train', team, '--set', task, '--train.stages', '1', '--run', run);
  expect(trained).toMatchObject({ status: 0, stderr: '' });
  // each warning is printed twice: during the run and in the summary
  expect(trained.stdout.match(left)).toHaveLength(2);
  expect(trained.stdout.match(short)).toHaveLength(2);
  expect(fs.readFileSync(join(run, 'report.md'), 'utf8')).toMatch(/^\* task jsonl: left out/m);

  const evaluated = await inProcess('eval', team, '--set', task, '--prompts', '2');
  expect(evaluated.stderr.match(left)).toHaveLength(1);
});

it('warns about a base model that cannot encode the prompts', async () => {
  const { status, stderr } = await inProcess('eval', team, '--task', 'countdown', '--prompts', '2');
  expect(status).toBe(0);
  expect(stderr).toMatch(
    /warning: task countdown: agents "agent_0" and "agent_1" read the prompt "\d+ \d+ \d+>\d+:" as "\d+<\|unknown\|>/,
  );
  expect((await inProcess('eval', team, '--prompts', '2')).stderr).not.toContain('warning');
});

describe('bad input', () => {
  const damaged = (damage: (model: string) => void): string => {
    const run = fs.mkdtempSync(join(dir, 'damaged-'));
    fs.cpSync(join(dir, 'whole'), run, { recursive: true });
    damage(join(run, 'checkpoints', 'stage-0003', 'agent_1', 'model.safetensors'));
    return run;
  };
  const cases: [string, () => string[], RegExp][] = [
    ['an unknown verb', () => ['trian'], /^unknown command 'trian' \(Did you mean train\?\)$/],
    [
      'an unknown flag',
      () => ['train', team, '--rnu', 'x'],
      /^unknown option '--rnu' \(Did you mean --run\?\)$/,
    ],
    ['no team file', () => ['train'], /^train: expected a team file, got nothing/],
    ['a team file that is not there', () => ['train', 'no.yaml'], /^no\.yaml: expected a team file/],
    [
      'an unknown key',
      () => ['train', team, '--train.stage', '3'],
      /^--train\.stage: unknown key "stage"; did you mean "stages"\?$/,
    ],
    [
      'a wrong type',
      () => ['train', team, '--train.stages', 'x'],
      /^--train\.stages: expected an integer >= 0, got "x"$/,
    ],
    [
      'an unknown option of the task',
      () => ['train', team, '--task.operand', '2'],
      /did you mean "operands"\?$/,
    ],
    [
      'an unknown task',
      () => ['eval', team, '--task', 'arithmetik'],
      /^--task: unknown task .*did you mean "arithmetic"\?$/,
    ],
    [
      'a missing model folder',
      () => ['train', team, '--base', 'none'],
      /^--base: .*none: the model folder does not exist/,
    ],
    [
      'a run folder with a run in it',
      () => ['train', team, '--run', 'whole'],
      /whole: expected a new or empty folder/,
    ],
    [
      'a file where the run folder should be',
      () => ['train', team, '--run', 'team.yaml'],
      /team\.yaml: expected a new or empty folder, got a file; choose another$/,
    ],
    [
      'quickstart into a run folder, before any pretraining',
      () => ['quickstart', '--run', 'whole'],
      /whole: expected a new or empty folder, got one with files in it; continue it with/,
    ],
    [
      'a folder where the transcripts should be',
      () => ['eval', 'whole', '--transcripts', 'base'],
      /^base: expected a file to write transcripts to, got a folder; choose another$/,
    ],
    [
      'transcripts inside a file',
      () => ['eval', 'whole', '--transcripts', 'team.yaml/x.jsonl'],
      /^team\.yaml\/x\.jsonl: expected a file .* got a place inside the file .*team\.yaml; choose another$/,
    ],
    [
      'a checkpoint outside of its run',
      () => {
        fs.cpSync(join(dir, 'whole', 'checkpoints', 'stage-0003'), join(dir, 'alone', 'stage-0003'), {
          recursive: true,
        });
        return ['eval', 'alone/stage-0003'];
      },
      /^alone\/stage-0003: expected a checkpoint inside its run, got one without .*config\.yaml; keep it/,
    ],
    [
      'an evaluation with more agents than the checkpoint has',
      () => ['eval', 'whole', '--agents', '3'],
      /^--agents: expected the 2 agents of stage-\d+, got 3$/,
    ],
    ['a folder that is no run', () => ['train', '--resume', '.'], /expected a run folder/],
    [
      'too few test records',
      () => {
        const lines = [1, 2, 3].map((n) => JSON.stringify({ prompt: `${n}+1=`, answer: n + 1 }));
        fs.writeFileSync(join(dir, 'three.jsonl'), lines.join('\n'));
        return ['train', team, '--set', 'task={name: jsonl, path: three.jsonl, verifier: numeric}'];
      },
      /^--set task: expected at least 2 prompts in the test split for the closing comparison, got \d; give/,
    ],
    [
      'a run resumed with another team',
      () => ['train', '--resume', 'whole', '--agents', '1'],
      /^--agents: expected a list of 2, the value of this run, got a list of 1; start a new run/,
    ],
    [
      'another adapter rank on resume',
      () => ['train', '--resume', 'whole', '--engine.lora_rank', '4', '--train.stages', '9'],
      /^--engine\.lora_rank: expected 0, the value of this run, got 4; start a new run to change it$/,
    ],
    [
      'an adapter rank that was written into the file of a run of all weights',
      () => {
        const run = join(dir, 'other-rank');
        fs.cpSync(join(dir, 'whole'), run, { recursive: true, verbatimSymlinks: true });
        const file = join(run, 'config.yaml');
        fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('lora_rank: 0', 'lora_rank: 4'));
        return ['train', '--resume', run];
      },
      /engine\.lora_rank: expected 0, because this run trains all weights \(.*agent_0\), got 4; start a new run/,
    ],
    [
      'a run resumed with another task',
      () => ['train', '--resume', 'whole', '--task.operands', '3'],
      /^--task\.operands: expected 2, the value of this run, got 3/,
    ],
    [
      'a run resumed for fewer stages than are finished',
      () => ['train', '--resume', 'whole', '--train.stages', '1'],
      /^--train\.stages: expected at least 3, the stages this run has done, got 1$/,
    ],
    [
      'a run resumed without its base model',
      () => {
        const run = fs.mkdtempSync(join(dir, 'moved-'));
        fs.cpSync(join(dir, 'whole'), run, { recursive: true });
        const config = join(run, 'config.yaml');
        fs.writeFileSync(config, fs.readFileSync(config, 'utf8').replaceAll(join(dir, 'base'), '/gone'));
        return ['train', '--resume', run];
      },
      /agents\.0\.model: expected the base model of "agent_0", .* got nothing in \/gone; put it back$/,
    ],
    [
      'a checkpoint cut short',
      () => ['train', '--resume', damaged((model) => fs.truncateSync(model, 100))],
      /agent_1\/model\.safetensors: expected \d+ bytes, got 100; this checkpoint is damaged/,
    ],
    [
      'a checkpoint with a wrong hash',
      () => [
        'eval',
        join(
          damaged((model) => {
            const bytes = fs.readFileSync(model);
            bytes[bytes.length - 1]! ^= 1;
            fs.writeFileSync(model, bytes);
          }),
          'checkpoints/stage-0003',
        ),
      ],
      /agent_1\/model\.safetensors: expected SHA-256 /,
    ],
  ];
  it.each(cases)('%s ends with one line and exit code 2, and writes nothing', async (_, args, line) => {
    const words = args();
    const before = listing();
    const { status, stdout, stderr } = await inProcess(...words);
    expect(stderr.trimEnd()).toMatch(line);
    expect({ status, stdout, lines: stderr.trimEnd().split('\n').length }).toEqual({
      status: 2,
      stdout: '',
      lines: 1,
    });
    expect(listing()).toEqual(before);
  });

  it('a run in use is refused with the id of its process', async () => {
    const run = join(dir, 'used');
    const child = spawn(
      process.execPath,
      [TROUPE, 'train', team, '--run', run, '--train.stages', '500', '--json'],
      {
        cwd: dir,
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    await once(child.stdout, 'data');
    const { status, stderr } = troupe('train', '--resume', run);
    child.kill('SIGKILL');
    expect(status).toBe(2);
    expect(stderr).toMatch(new RegExp(`is locked by process ${child.pid} since \\S+`));
  });

  it('sets the exit code of the process, and prints a stack with --debug only', () => {
    const plain = troupe('train', 'no.yaml');
    expect(plain).toEqual({ status: 2, stdout: '', stderr: expect.stringMatching(/^no\.yaml: [^\n]*\n$/) });
    expect(troupe('train', 'no.yaml', '--debug').stderr).toMatch(/\n +at /);
  });
});

it('doctor passes on this machine', () => {
  const { status, stdout } = troupe('doctor');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^ok +onnxruntime +loads and computes/m);
});

it('ends without an error when the reader of the pipe closes it', async () => {
  const child = spawn(process.execPath, [TROUPE, 'train', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect({ code, output }).toEqual({ code: 0, output: '' });
});
