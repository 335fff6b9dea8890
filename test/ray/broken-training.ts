/**
 * Trains on a cluster of two raylets through the command line. In the middle of a stage, first a worker, then
 * a whole raylet, then the driver is killed. The run must end with the same bytes as an undisturbed run.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TwoRaylets } from '../../src/engine/ray/testing/clusters.ts';
import { TEST_PYTHON } from '../../src/engine/torch/testing/python.ts';
import { readEvents, readModelCalls } from '../../src/store/read-run.ts';

const TROUPE = fileURLToPath(new URL('../../bin/troupe.mjs', import.meta.url));

/**
 * A team with a learning rate so large that most updates are accepted. A lost update then changes the result.
 */
const TEAM = `
name: tiny
base: base
agents: 2
task: {name: arithmetic, operands: 2, max_operand: 9}
engine: {kind: ray, token_budget: 512}
pretrain: {layers: 1, hidden_size: 32, heads: 2, kv_heads: 1, intermediate_size: 64, steps: 120, batch_size: 64, max_positions: 64}
train: {stages: 3, prompts_per_step: 16, num_generations: 4, minibatch_size: 16, max_completion_length: 16}
optimizer: {learning_rate: 1.0e-3}
gate: {kind: off}
eval: {prompts: 20, k: 2}
`;

/** Timeout, ms, for several processes that import PyTorch on a busy machine. */
const TIMEOUT_MS = 1_800_000;

const folder = mkdtempSync(join(tmpdir(), 'troupe-ray-'));
const team = join(folder, 'team.yaml');

function start(...args: string[]): { readonly child: ChildProcess; readonly ended: Promise<string> } {
  const child = spawn(process.execPath, [TROUPE, ...args], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, TROUPE_PYTHON: TEST_PYTHON },
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<string>((resolve) =>
    child.once('close', (code, signal) => resolve(`${code ?? signal}\n${stderr}`)),
  );
  return { child, ended };
}

/**
 * Calls `action` while a run is in the middle of a stage, after the stage has started and before it finishes.
 * The run is paused during the call, so the stage cannot end first, even on a slow machine.
 */
async function inMidStage(
  run: string,
  stage: number,
  child: ChildProcess,
  action: () => unknown,
): Promise<void> {
  const log = join(folder, run, 'events.jsonl');
  const hasEvent = (kind: string) =>
    existsSync(log) && readFileSync(log, 'utf8').includes(`"kind":"${kind}","stage":${stage},`);
  const deadline = performance.now() + TIMEOUT_MS;
  while (!hasEvent('stage_started')) {
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`the run did not reach stage ${stage}`);
    await sleep(5);
  }
  child.kill('SIGSTOP');
  try {
    if (hasEvent('stage_finished')) throw new Error(`stage ${stage} ended before the action`);
    await action();
  } finally {
    child.kill('SIGCONT');
  }
}

/** Returns the content of every file of a run, except files with times. */
function filesOf(run: string): Readonly<Record<string, string>> {
  const dir = join(folder, run);
  const names = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .filter((name) => !/^(timings\.jsonl|model-calls\.jsonl|manifest\.json|report)/.test(name));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(dir, name), 'base64')]));
}

/**
 * Defines the test. @param running - returns the running cluster; its second node is a new one after the test
 */
export function describeBrokenTraining(running: () => TwoRaylets): void {
  beforeAll(() => {
    writeFileSync(team, TEAM);
    const made = spawnSync(process.execPath, [TROUPE, 'pretrain', team], { cwd: folder });
    expect(made.status, String(made.stderr)).toBe(0);
  }, TIMEOUT_MS);
  afterAll(() => rmSync(folder, { recursive: true }));

  it(
    'a training that loses a worker, a raylet and its driver has the bytes of an uninterrupted one',
    async () => {
      const cluster = running();
      const address = ['--ray.address', cluster.address];
      const uninterrupted = start('train', team, '--run', 'uninterrupted', ...address);
      expect(await uninterrupted.ended).toBe('0\n');

      const first = start('train', team, '--run', 'broken', ...address);
      await inMidStage('broken', 1, first.child, () => cluster.tell('kill-actor'));
      await inMidStage('broken', 2, first.child, () => cluster.tell('kill-node'));
      await cluster.tell('add-node');
      await inMidStage('broken', 3, first.child, () => first.child.kill('SIGKILL'));
      const output = await first.ended;
      expect(output).toMatch(/the actor of agent \d was lost: .*; going on from stage 0\n/);
      expect(output).toMatch(/the actor of agent \d was lost: .*; going on from stage 1\n/);
      expect(output).toMatch(/^SIGKILL\n/);

      expect(await start('train', '--resume', 'broken').ended).toBe('0\n');
      expect(filesOf('broken')).toEqual(filesOf('uninterrupted'));
      const calls = readModelCalls(join(folder, 'uninterrupted'));
      expect(calls.length).toBeGreaterThan(0);
      expect(calls[0]).toMatchObject({
        worker: expect.stringMatching(/^agent_\d$/),
        call: expect.any(String),
      });
      const updates = readEvents(join(folder, 'uninterrupted')).filter(({ kind }) => kind === 'update');
      expect(updates).toHaveLength(6);
      expect(
        updates.filter((event) => 'status' in event && event.status === 'ACCEPT').length,
      ).toBeGreaterThan(2);
    },
    TIMEOUT_MS,
  );
}
