/**
 * A team of two adapters over SmolLM2-135M-Instruct, read from its GGUF file, as a user handles it: the commands plan,
 * train, eval, export and serve. The tests run in order; those after `train` use its run.
 */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { plan } from '../../src/app/plan.ts';
import type { Sequence, Tokenizer } from '../../src/engine/engine.ts';
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts';
import { readDecoderConfig } from '../../src/engine/onnx/weights/checkpoint.ts';
import { readCheckpointTokenizer } from '../../src/engine/text/checkpoint-text.ts';
import { CALIBRATION_SECONDS } from '../../src/plan/calibrate.ts';
import { PASS_PARTS, SAMPLING_PARTS } from '../../src/plan/measure-passes.ts';
import type { RunEvent, UpdateRecord } from '../../src/train/events.ts';
import { startServer } from './serving.ts';
import { describeRealModel, SMOLLM2 } from './smollm2.ts';

const TROUPE = fileURLToPath(new URL('../../bin/troupe.mjs', import.meta.url));

const PATIENCE_MS = 300_000;

const INSTRUCTION = 'Answer with one word.';
const EXAMPLES = [
  { prompt: 'Toss 41 of a coin: heads or tails?', answer: 'tails' },
  { prompt: 'Toss 42 of a coin: heads or tails?', answer: 'heads' },
];
/** The model cannot know the answers, so the answers of a group differ and some groups have a gradient. */
const ROWS = Array.from({ length: 40 }, (_, n) => ({
  prompt: `Toss ${n} of a coin: heads or tails?`,
  answer: n % 2 === 0 ? 'heads' : 'tails',
}));

const TEAM = {
  name: 'coins',
  base: SMOLLM2,
  agents: 2,
  instruction: INSTRUCTION,
  examples: EXAMPLES,
  protocol: { kind: 'vote' },
  task: { name: 'jsonl', path: 'rows.jsonl', verifier: 'exact', ignore_case: true },
  engine: { lora_rank: 4 },
  reward: { agent: 0.5 },
  train: { stages: 1, prompts_per_step: 2, num_generations: 4, max_completion_length: 8 },
  gate: { kind: 'off' },
  eval: { prompts: 2, k: 1 },
};

describeRealModel('a team of SmolLM2-135M-Instruct with adapters', () => {
  let dir: string;
  let team: string;
  let tokenizer: Tokenizer;
  /** Update of an agent whose weights changed. */
  let learned: UpdateRecord;
  beforeAll(() => {
    dir = fs.mkdtempSync(join(tmpdir(), 'troupe-real-team-'));
    team = join(dir, 'team.yaml');
    fs.writeFileSync(join(dir, 'rows.jsonl'), ROWS.map((row) => `${JSON.stringify(row)}\n`).join(''));
    // JSON is a subset of YAML
    fs.writeFileSync(team, JSON.stringify(TEAM, undefined, 2));
    tokenizer = readCheckpointTokenizer({ dir: SMOLLM2 }, readDecoderConfig(SMOLLM2).vocabSize);
  });
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

  const troupe = (...args: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      execFile(process.execPath, [TROUPE, ...args], { cwd: dir }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
      );
    });

  /** Returns the context of an agent for a prompt: instruction, few-shot examples, prompt. */
  const contextOf = (prompt: string): Int32Array =>
    tokenizer.encodeChat([
      { role: 'system', content: INSTRUCTION },
      ...EXAMPLES.flatMap((example) => [
        { role: 'user' as const, content: example.prompt },
        { role: 'assistant' as const, content: example.answer },
      ]),
      { role: 'user', content: prompt },
    ]);

  it(
    'is planned by one measurement of the common base, within its time limit',
    async () => {
      const measured: { cpuSeconds: number; total: number }[] = [];
      const started = performance.now();
      const rates = join(dir, 'machine.json');
      const { machine } = await plan({
        config: team,
        saveMachine: rates,
        onEvent: (event) => {
          if (event.kind !== 'progress' || event.label !== 'measure') return;
          const { user, system } = process.cpuUsage();
          measured.push({ cpuSeconds: (user + system) / 1e6, total: event.total });
        },
      });
      const seconds = (performance.now() - started) / 1000;
      // two agents, but the parts of one measurement
      expect(new Set(measured.map(({ total }) => total))).toEqual(new Set([2 + SAMPLING_PARTS + PASS_PARTS]));
      expect(machine.agents).toHaveLength(2);
      expect(machine.agents[1]).toEqual(machine.agents[0]);
      // CPU time per core: the clock on the wall includes other programs
      const cores = Math.min(8, availableParallelism());
      const busy = ((measured.at(-1)?.cpuSeconds ?? 0) - (measured[0]?.cpuSeconds ?? 0)) / cores;
      console.info(
        `plan: ${seconds.toFixed(1)} s, of which ${busy.toFixed(1)} s of CPU time per core measured`,
      );
      expect(busy).toBeGreaterThan(0);
      expect(busy).toBeLessThan(1.5 * CALIBRATION_SECONDS);
      expect(seconds).toBeLessThan(120);
      // the measured contexts contain the instruction and the examples
      const lengths = ROWS.map(({ prompt }) => contextOf(prompt).length);
      const { contextTokens = [], commonTokens = [] } = machine.agents[0] ?? {};
      expect(contextTokens).toHaveLength(1);
      // a mean over the sampled prompts
      expect(contextTokens[0]).toBeGreaterThanOrEqual(Math.min(...lengths));
      expect(contextTokens[0]).toBeLessThanOrEqual(Math.max(...lengths));
      expect(commonTokens[0]).toBeGreaterThan(contextOf('').length / 2);

      const { code, stdout } = await troupe('plan', 'team.yaml', '--machine', rates);
      expect(code).toBe(0);
      expect(stdout).toMatch(/one stage +\S+: rollout .*, score .*, update .*, divergence /);
      expect(stdout).not.toMatch(/NaN|undefined|update 0s/);
    },
    PATIENCE_MS,
  );

  it(
    'is trained by one stage, whose updates stay inside the trust region',
    async () => {
      const { code, stdout, stderr } = await troupe('train', 'team.yaml', '--run', 'run');
      expect(code, stderr).toBe(0);
      expect(stdout).toContain('team to use   run/checkpoints/stage-0001');
      const updates = fs
        .readFileSync(join(dir, 'run', 'events.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as RunEvent)
        .filter((event) => event.kind === 'update');
      expect(updates.map(({ agent }) => agent)).toEqual([0, 1]);
      for (const update of updates) {
        expect(update.trajectories).toBe(8);
        expect(update.meanLength).toBeLessThanOrEqual(8);
        expect(update.logpMismatchMean).toBeLessThan(1e-4);
        if (update.status !== 'ACCEPT') continue;
        learned = update;
        expect(update.attempts.at(-1)?.klQuantile).toBeLessThanOrEqual(update.targetKl);
      }
      expect(learned, stdout).toBeDefined();
      const checkpoint = join(dir, 'run', 'checkpoints', 'stage-0001', 'agent_1');
      expect(fs.readdirSync(checkpoint).sort()).toEqual([
        'adapter_config.json',
        'adapter_model.safetensors',
        'optimizer.safetensors',
      ]);
      expect(JSON.parse(fs.readFileSync(join(checkpoint, 'adapter_config.json'), 'utf8'))).toMatchObject({
        ...{ base_model_name_or_path: SMOLLM2, r: 4, lora_alpha: 8 },
      });
    },
    PATIENCE_MS,
  );

  it(
    'is evaluated',
    async () => {
      const flags = ['--split', 'train', '--prompts', '4', '-k', '2', '--transcripts', 'transcripts.jsonl'];
      const { code, stdout, stderr } = await troupe('eval', 'run', ...flags, '--json');
      expect(code, stderr).toBe(0);
      const scores = JSON.parse(stdout) as { label: string; team: { avg: { mean: number } } };
      expect(scores.label).toBe('run stage-0001');
      const transcripts = fs.readFileSync(join(dir, 'transcripts.jsonl'), 'utf8').trim().split('\n');
      expect(transcripts).toHaveLength(8);
      const correct = transcripts.filter((line) => (JSON.parse(line) as { correct: boolean }).correct);
      expect(scores.team.avg.mean).toBeCloseTo(correct.length / 8, 10);
    },
    PATIENCE_MS,
  );

  it(
    'is exported to safetensors and GGUF with the log-probabilities of the trained adapter',
    async () => {
      const name = `agent_${learned.agent}`;
      const [merged, gguf] = [
        await troupe('export', 'run', '--out', 'merged', '--merge'),
        await troupe('export', 'run', '--out', 'gguf', '--merge', '--format', 'gguf', '--no-measure'),
      ];
      expect(merged.code, merged.stderr).toBe(0);
      expect(gguf.code, gguf.stderr).toBe(0);
      expect(merged.stdout).toMatch(
        /rounding to float32 loses 0\.\d% of the learned change, as the ratio of the two means/,
      );
      const folder = join(dir, 'merged', name);
      const file = join(dir, 'gguf', name, `${name}-F16.gguf`);
      const trained = await logpOf(join(dir, 'run', 'checkpoints', 'stage-0001', name));
      expect(deviation(await logpOf(SMOLLM2), trained)).toBeGreaterThan(1e-3);
      expect(deviation(await logpOf(folder), trained)).toBeLessThan(2e-4);
      expect(deviation(await logpOf(file), trained)).toBeLessThan(0.02);
      const vocabulary = readDecoderConfig(SMOLLM2).vocabSize;
      for (const model of [folder, file]) {
        const read = readCheckpointTokenizer({ dir: model }, vocabulary);
        for (const { prompt } of ROWS.slice(0, 4))
          expect([...read.encodeChat([{ role: 'user', content: prompt }])]).toEqual([
            ...tokenizer.encodeChat([{ role: 'user', content: prompt }]),
          ]);
        expect(read.endTokens).toEqual(tokenizer.endTokens);
      }
      fs.rmSync(join(dir, 'merged'), { recursive: true });
      fs.rmSync(join(dir, 'gguf'), { recursive: true });
    },
    PATIENCE_MS,
  );

  /** Returns the log-probabilities of answers to some prompts, nats, from a model folder, adapter or GGUF file. */
  async function logpOf(model: string): Promise<number[]> {
    const sequences = ROWS.slice(0, 3).flatMap(({ prompt }): Sequence[] =>
      ['heads', 'tails'].map((text) => {
        const tokens = Int32Array.of(...tokenizer.encode(text), tokenizer.endTokens[0] as number);
        return { context: contextOf(prompt), tokens };
      }),
    );
    const engine = createOnnxEngine(
      fs.existsSync(join(model, 'adapter_config.json'))
        ? { lora: { r: 4, alpha: 8, targetModules: 'all-linear', rslora: false } }
        : {},
    );
    const loaded = await engine.load({ dir: model });
    const logp = await loaded.forward(sequences, { temperature: 1 });
    await engine.close();
    return logp.flatMap((values) => [...values]);
  }

  const deviation = (found: readonly number[], expected: readonly number[]): number => {
    expect(found).toHaveLength(expected.length);
    return Math.max(...found.map((value, i) => Math.abs(value - (expected[i] as number))));
  };

  it(
    'answers a request to its server',
    async () => {
      const { url, process: server, exited } = await startServer(dir, ['serve', 'run']);
      try {
        const prompt = 'Toss 50 of a coin: heads or tails?';
        const response = await fetch(`${url}/chat/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ model: 'team', messages: [{ role: 'user', content: prompt }] }),
        });
        expect(response.status).toBe(200);
        const { choices, usage } = (await response.json()) as {
          readonly choices: readonly {
            readonly message: { readonly role: string; readonly content: string };
          }[];
          readonly usage: Readonly<Record<string, number>>;
        };
        expect(choices).toHaveLength(1);
        expect(choices[0]?.message).toMatchObject({ role: 'assistant', content: expect.stringMatching(/./) });
        // both agents read the instruction, the examples and the prompt
        expect(usage.prompt_tokens).toBe(2 * contextOf(prompt).length);
        expect(usage.completion_tokens).toBeGreaterThanOrEqual(2);
        expect(usage.total_tokens).toBe(
          (usage.prompt_tokens as number) + (usage.completion_tokens as number),
        );
        server.kill('SIGTERM');
        expect(await exited).toEqual([0, null]);
      } finally {
        server.kill('SIGKILL');
      }
    },
    PATIENCE_MS,
  );
});
