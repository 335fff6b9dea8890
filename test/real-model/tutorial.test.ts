/**
 * Runs the commands of docs/tutorials/your-data.md in their order, with its team file and data. Training and evaluation
 * are shortened by flags.
 */
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { spawnTroupe } from '../spawn-troupe.ts';
import { startServer } from './serving.ts';
import { describeRealModel, SMOLLM2 } from './smollm2.ts';

const TUTORIAL = fileURLToPath(new URL('../../docs/tutorials/', import.meta.url));
const PATIENCE_MS = 300_000;

const SHORT: Readonly<Record<string, readonly string[]>> = {
  eval: ['--prompts', '4', '-k', '1'],
  train: [
    ...['--train.stages', '1', '--train.prompts_per_step', '2', '--train.num_generations', '4'],
    ...['--eval.prompts', '4', '--eval.k', '1'],
  ],
};

const shell = [...fs.readFileSync(join(TUTORIAL, 'your-data.md'), 'utf8').matchAll(/```sh\n(.*?)```/gs)].map(
  ([, block]) => block ?? '',
);
/** Arguments of the commands, without comments. */
const commands = shell
  .flatMap((block) => block.split('\n'))
  .filter((line) => line.startsWith('npx troupe '))
  .map((line) => line.replace(/#.*/, '').trim().split(/\s+/).slice(2));

describeRealModel('the tutorial', () => {
  let dir: string;
  beforeAll(() => {
    dir = fs.mkdtempSync(join(tmpdir(), 'troupe-tutorial-'));
    for (const name of ['orders.yaml', 'orders.jsonl'])
      fs.copyFileSync(join(TUTORIAL, name), join(dir, name));
    fs.symlinkSync(SMOLLM2, join(dir, 'SmolLM2-135M-Instruct.Q4_1.gguf'));
  });
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

  it('has the commands from the check of the data to the server', () => {
    const verbs = commands.map(([verb]) => verb);
    expect(verbs).toEqual([
      'doctor',
      'tasks',
      'eval',
      'show',
      'plan',
      'train',
      'eval',
      'show',
      'export',
      'export',
      'serve',
    ]);
  });

  for (const [at, [verb = '', ...args]] of commands.entries()) {
    if (verb === 'serve') continue;
    it(
      `runs command ${at + 1}: troupe ${[verb, ...args].join(' ')}`,
      () => {
        const { status, stdout, stderr } = spawnTroupe(dir, [verb, ...args, ...(SHORT[verb] ?? [])]);
        expect(status, stderr).toBe(0);
        expect(stdout).toMatch(/\S/);
      },
      PATIENCE_MS,
    );
  }

  it(
    'serves the team and answers its request',
    async () => {
      const [verb = '', ...args] = commands.find(([first]) => first === 'serve') ?? [];
      const { url, process: server, exited } = await startServer(dir, [verb, ...args]);
      try {
        const [, body = ''] = /curl .*-d '(.*)'/s.exec(shell.join('\n')) ?? [];
        const response = await fetch(`${url}/chat/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        });
        expect(response.status).toBe(200);
        expect(await response.json()).toMatchObject({ choices: [{ message: { role: 'assistant' } }] });
        server.kill('SIGTERM');
        expect(await exited).toEqual([0, null]);
      } finally {
        server.kill('SIGKILL');
      }
    },
    PATIENCE_MS,
  );
});
