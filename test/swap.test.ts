/** Tests the swap of one agent's model: every mode, kills, and refusals. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../src/cli/main.ts';
import { type CommandResult, spawnTroupe, TROUPE } from './spawn-troupe.ts';

const PATIENCE_MS = 240_000;

const TEAM = `
name: tiny
base: base
agents: 2
task: {name: arithmetic, operands: 2, max_operand: 9}
engine: {threads: 1}
pretrain: {layers: 1, hidden_size: 32, heads: 2, kv_heads: 1, intermediate_size: 64, steps: 40, batch_size: 64, max_positions: 64}
train: {stages: 2, prompts_per_step: 8, num_generations: 4, minibatch_size: 16, max_completion_length: 16}
optimizer: {learning_rate: 1.0e-3}
gate: {every: 2, n_plan: 20}
eval: {prompts: 20, k: 2}
`;

let dir: string;

beforeAll(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-swap-'));
  fs.writeFileSync(join(dir, 'team.yaml'), TEAM);
  const large = TEAM.replace('base: base', 'base: large').replace('hidden_size: 32', 'hidden_size: 48');
  fs.writeFileSync(join(dir, 'large.yaml'), large);
  // "-" is one more character in the alphabet, so this model has another vocabulary
  const other = TEAM.replace('base: base', 'base: other').replace(
    'max_operand: 9',
    'max_operand: 9, operations: "+-"',
  );
  fs.writeFileSync(join(dir, 'other.yaml'), other);
  for (const file of ['team.yaml', 'large.yaml', 'other.yaml'])
    expect(troupe('pretrain', file)).toMatchObject({ status: 0 });
  expect(troupe('train', 'team.yaml', '--run', 'run')).toMatchObject({ status: 0 });
}, PATIENCE_MS);
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

const troupe = (...args: string[]): CommandResult => spawnTroupe(dir, args);

/** Runs a swap in this process that is refused at the start; returns the error message. */
async function refused(...args: string[]): Promise<string> {
  let output = '';
  const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    output += String(text);
    return true;
  });
  const cwd = process.cwd();
  process.chdir(dir);
  try {
    expect(await main(['swap', ...args])).toBe(2);
    return output.trim();
  } finally {
    process.chdir(cwd);
    spy.mockRestore();
  }
}

function bytesOf(folder: string): Record<string, string> {
  const root = join(dir, folder);
  return Object.fromEntries(
    fs
      .readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path): [string, string] => [relative(root, path), fs.readFileSync(path).toString('base64')])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** Serves a run and calls `talk` with the official OpenAI client. */
async function served(run: string, talk: (client: OpenAI) => Promise<void>): Promise<void> {
  const args = [TROUPE, 'serve', run, '--port', '0', '--log-level', 'silent'];
  const child = spawn(process.execPath, args, { cwd: dir, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const url = await new Promise<string>((resolve, reject) => {
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        const found = /API +(http:\S+)/.exec(output)?.[1];
        if (found !== undefined) resolve(found);
      });
      child.once('exit', (code) => reject(new Error(`serve left with ${code}: ${output}`)));
    });
    await talk(new OpenAI({ baseURL: url, apiKey: 'none', maxRetries: 0 }));
  } finally {
    child.kill('SIGKILL');
  }
}

const championOf = (run: string): string =>
  relative(dir, fs.realpathSync(join(dir, run, 'checkpoints', 'champion')));

/** Standard error of a command on `run`, whose tests have proved nothing. */
const OLD_CHAMPION: unknown = expect.stringMatching(
  /^\[.*\] warning: this is the team of stage-0000, .* name run\/checkpoints\/stage-0002\n$/,
);

describe('troupe swap', () => {
  it(
    'replaces one model, keeps every other byte, and creates a run that can be evaluated and trained',
    () => {
      const before = bytesOf('run');
      const { status, stdout, stderr } = troupe(
        'swap',
        'run',
        '--agent',
        '1',
        '--with',
        'large',
        '--out',
        'swapped',
      );
      expect({ status, stderr }).toEqual({ status: 0, stderr: OLD_CHAMPION });
      expect(stdout).toMatch(/forecast {6}(expected to|cannot tell)/);
      expect(stdout).toMatch(/^before {2,}.*%/m);
      expect(stdout).toMatch(/^stage-0 - before: [+-]/m);
      expect(stdout).toMatch(/^decision {6}(promote|keep the old team|cannot tell): reward/m);
      expect(stdout).toMatch(/unchanged {5}agent_0: \d+ files byte for byte/);
      expect(bytesOf('run')).toEqual(before);
      expect(bytesOf('swapped/team/agent_0')).toEqual(bytesOf(`${championOf('run')}/agent_0`));
      expect(fs.readFileSync(join(dir, 'swapped/team/agent_1/mixture.json'), 'utf8')).toContain(
        '"steps":[0.05]',
      );
      expect(troupe('eval', 'swapped', '--prompts', '4')).toMatchObject({ status: 0 });
      const resumed = troupe('train', '--resume', 'swapped', '--json');
      expect(resumed).toMatchObject({ status: 0, stderr: '' });
      const events = resumed.stdout
        .split('\n')
        .filter(Boolean)
        .map((text) => JSON.parse(text));
      const steps = events.filter(({ kind, handover }) => kind === 'update' && handover);
      expect(steps.map(({ agent }) => agent)).toContain(1);
      const [last] = steps.slice(-1);
      expect(last.handover.steps.length).toBeGreaterThan(1);
    },
    PATIENCE_MS,
  );

  it(
    'hands over until the replacement stands alone, and removes the old model',
    () => {
      const flags = [
        '--mode',
        'handover',
        '--handover-stages',
        '4',
        '--trust_region.target_kl',
        '50',
        '--set',
      ];
      const { status, stderr } = troupe(
        'swap',
        'run',
        '--agent',
        'agent_1',
        '--with',
        'large',
        '--out',
        'handed',
        ...flags,
        'trust_region.target_kl_message=off',
      );
      expect({ status, stderr }).toEqual({ status: 0, stderr: OLD_CHAMPION });
      const checkpoints = fs.readdirSync(join(dir, 'handed/checkpoints')).sort();
      expect(checkpoints).toContain('stage-0004');
      const seat = fs.readdirSync(join(dir, 'handed/checkpoints/stage-0004/agent_1'));
      expect(seat).toContain('model.safetensors');
      expect(seat).not.toContain('mixture.json');
      // `troupe watch` reports the handover, too
      const rows = troupe('watch', '--json', 'handed')
        .stdout.trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(rows.filter(({ handover }) => handover?.finished)).toMatchObject([{ kind: 'update', agent: 1 }]);
      expect(troupe('watch', '--tty', 'handed').stdout).toContain('finished · stage 4/4');
      expect(fs.readFileSync(join(dir, 'handed/report/handover.svg'), 'utf8')).toMatch(/^<svg/);
    },
    PATIENCE_MS,
  );

  it(
    'supports modes message, distil and raw for different vocabularies',
    () => {
      for (const mode of ['message', 'distil', 'raw']) {
        const out = `swapped-${mode}`;
        const swapped = troupe(
          'swap',
          'run',
          '--agent',
          '0',
          '--with',
          'other',
          '--mode',
          mode,
          '--distil-steps',
          '4',
          '--candidates',
          '4',
          '--out',
          out,
        );
        expect({ mode, status: swapped.status, stderr: swapped.stderr }).toEqual({
          mode,
          status: 0,
          stderr: OLD_CHAMPION,
        });
        expect(bytesOf(`${out}/team/agent_1`)).toEqual(bytesOf(`${championOf('run')}/agent_1`));
        expect(troupe('eval', out, '--prompts', '3')).toMatchObject({ status: 0 });
        if (mode === 'message') expect(swapped.stdout).toMatch(/estimated: over \d+ messages/);
        if (mode === 'distil')
          expect(swapped.stdout).toContain('distillation has no guarantee by construction');
      }
      // a mixture over whole messages (mode `message`) cannot be trained
      const trained = troupe('train', '--resume', 'swapped-message');
      expect(trained.status).toBe(2);
      expect(trained.stderr).toContain('expected a trainable model');
      expect(troupe('train', '--resume', 'swapped-raw', '--train.stages', '1')).toMatchObject({ status: 0 });
    },
    PATIENCE_MS,
  );

  it(
    'serves a team with a mixture, and rejects requests that a mixture of messages cannot answer',
    async () => {
      expect(fs.existsSync(join(dir, championOf('swapped'), 'agent_1/mixture.json'))).toBe(true);
      const ask = { messages: [{ role: 'user' as const, content: '2+3=' }], seed: 4, max_tokens: 12 };
      await served('swapped', async (client) => {
        for (const model of ['team', 'agent_1'])
          for (const how of [{}, { temperature: 0 }, { top_p: 0.5 }]) {
            const asked = { ...ask, ...how, model, n: 2, logprobs: true, top_logprobs: 2 };
            const whole = await client.chat.completions.create(asked);
            const stream = client.chat.completions.stream(asked);
            const { choices } = await stream.finalChatCompletion();
            for (const [k, choice] of whole.choices.entries()) {
              expect(choices[k]?.message.content).toBe(choice.message.content);
              expect(choice.logprobs?.content?.map(({ token }) => token).join('')).toBe(
                choice.message.content,
              );
              for (const { logprob } of choice.logprobs?.content ?? [])
                expect(logprob).toBeLessThanOrEqual(0);
            }
          }
        const cut = { ...ask, model: 'agent_1', stop: ['#', '='] };
        expect((await client.chat.completions.create(cut)).choices[0]?.message.content).not.toMatch(/[#=]/);
      });
      await served('swapped-message', async (client) => {
        const { choices } = await client.chat.completions.create({ ...ask, model: 'team', logprobs: true });
        expect(choices).toHaveLength(1);
        const alone = { ...ask, model: 'agent_0' };
        const again = await Promise.all([1, 2].map(() => client.chat.completions.create(alone)));
        expect(again[0]?.choices).toEqual(again[1]?.choices);
        for (const [how, expected] of [
          [{ temperature: 0 }, 'expected a temperature above 0, got 0'],
          [{ top_p: 0.5 }, 'expected top_p of 1, got 0.5'],
        ] as const)
          await expect(client.chat.completions.create({ ...alone, ...how })).rejects.toMatchObject({
            status: 400,
            message: expect.stringContaining(expected),
          });
        await expect(
          client.completions.create({ model: 'agent_0', prompt: '2+3=', max_tokens: 4 }),
        ).rejects.toMatchObject({ status: 400, message: expect.stringContaining('can only answer chats') });
      });
    },
    PATIENCE_MS,
  );

  it(
    'leaves the old team unchanged and no partial run when killed, and can be repeated',
    async () => {
      const before = bytesOf('run');
      for (const delayMs of [900, 1600, 2400, 3200]) {
        const child = spawn(
          process.execPath,
          [TROUPE, 'swap', 'run', '--agent', '1', '--with', 'large', '--out', 'killed'],
          { cwd: dir, stdio: 'ignore' },
        );
        const timer = setTimeout(() => child.kill('SIGKILL'), delayMs);
        await once(child, 'close');
        clearTimeout(timer);
        expect(bytesOf('run')).toEqual(before);
        if (fs.existsSync(join(dir, 'killed'))) {
          expect(troupe('eval', 'killed', '--prompts', '2')).toMatchObject({ status: 0 });
          fs.rmSync(join(dir, 'killed'), { recursive: true });
        }
      }
      expect(troupe('swap', 'run', '--agent', '1', '--with', 'large', '--out', 'killed')).toMatchObject({
        status: 0,
      });
      expect(fs.readdirSync(dir).filter((name) => name.startsWith('.swap-'))).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    'prints a forecast and writes nothing with --dry-run',
    () => {
      const names = fs.readdirSync(dir);
      const { status, stdout } = troupe(
        'swap',
        'run',
        '--agent',
        '1',
        '--with',
        'large',
        '--out',
        'dry',
        '--dry-run',
      );
      expect(status).toBe(0);
      expect(stdout).toMatch(/forecast/);
      expect(stdout).toContain('nothing was written');
      expect(fs.readdirSync(dir)).toEqual(names);
    },
    PATIENCE_MS,
  );

  it('rejects impossible swaps in one line', async () => {
    const base = ['run', '--with', 'large', '--out', 'no'];
    expect(await refused(...base, '--agent', '2')).toBe(
      '--agent: expected 0 to 1 or one of agent_0, agent_1, got 2',
    );
    expect(await refused(...base, '--agent', '0', '--delta0', '0')).toContain(
      '--delta0: expected a radius above 0 nats, got 0',
    );
    expect(await refused('run', '--with', 'other', '--agent', '0')).toMatch(
      /expected two models with the same vocabulary .* choose --mode message, distil or raw/,
    );
    expect(await refused('nothing', '--with', 'large', '--agent', '0')).toContain('expected a run folder');
    expect(await refused('run', '--with', 'nothing', '--agent', '0')).toBe(
      '--with nothing: expected a model folder, a GGUF file or hf:OWNER/NAME, got nothing there',
    );
    expect(await refused('run', '--with', 'large', '--agent', '0', '--out', 'run')).toContain(
      'expected a new or empty folder',
    );
    expect(fs.existsSync(join(dir, 'no'))).toBe(false);
  });
});
