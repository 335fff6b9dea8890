import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RandomStream } from '../../core/rng.ts';
import { randomStream } from '../../core/rng.ts';
import { createTabularEngine } from './engine.ts';
import { createTabularModel } from './model.ts';

const end = 2; // id of the end token of the alphabet "ab"

/** Creates a stream whose uniform draws are the given values. */
function draws(...values: number[]): RandomStream {
  return { ...randomStream(0), uniform: () => values.shift() as number };
}

describe('a tabular model', () => {
  it('scores with the softmax of its logits at the temperature', async () => {
    const model = createTabularModel({ alphabet: 'ab', prior: { offsets: [0, Math.log(4), Math.log(16)] } });
    const message = { context: Int32Array.of(0), tokens: Int32Array.of(1, end) };
    const [atOne] = await model.forward([message], { temperature: 1 });
    expect(atOne?.[0]).toBeCloseTo(Math.log(4 / 21), 6);
    expect(atOne?.[1]).toBeCloseTo(Math.log(16 / 21), 6);
    const [atTwo] = await model.forward([message], { temperature: 2 });
    expect(atTwo?.[0]).toBeCloseTo(Math.log(2 / 7), 6);
  });

  it('draws by inverse CDF, one uniform per token', async () => {
    const model = createTabularModel({ alphabet: 'ab' }); // uniform: thirds
    const request = { context: Int32Array.of(1), stream: draws(0.1, 0.34, 0.32, 0.67, 0.5) };
    const [message] = await model.sample([request], { temperature: 1, maxTokens: 9 });
    expect([...(message?.tokens ?? [])]).toEqual([0, 1, 0, end]);
    expect(message?.finish).toBe('stop');
    expect(request.stream.uniform()).toBe(0.5);
  });

  it('has a separate state for every prefix', async () => {
    const model = createTabularModel({ alphabet: 'ab' });
    model.setLogits([0, 1], [0, 0, 9]);
    const logps = await model.forward(
      [
        { context: Int32Array.of(0), tokens: Int32Array.of(1, end) },
        { context: Int32Array.of(0, 1), tokens: Int32Array.of(end) },
        { context: Int32Array.of(1), tokens: Int32Array.of(end) },
      ],
      { temperature: 1 },
    );
    expect(logps[0]?.[1]).toBe(logps[1]?.[0]);
    expect(logps[1]?.[0]).toBeGreaterThan(-0.001);
    expect(logps[2]?.[0]).toBeCloseTo(-Math.log(3), 6);
  });

  it('does not change when it samples or scores', async () => {
    const model = createTabularModel({ alphabet: 'ab', prior: { scale: 1, seed: 1 } });
    const id = await model.snapshot();
    const context = Int32Array.of(0);
    await model.sample([{ context, stream: randomStream(1) }], { temperature: 1, maxTokens: 5 });
    await model.forward([{ context, tokens: Int32Array.of(1) }], { temperature: 1 });
    await model.divergence([{ context, tokens: Int32Array.of(1) }], id, { temperature: 1 });
    expect(model.parameterCount).toBe(0);
    expect(model.trainedStates()).toEqual([]);
  });

  it('has prior logits that depend only on the prefix and the seed', () => {
    const make = (seed: number) => createTabularModel({ alphabet: 'ab', prior: { scale: 1, seed } });
    const first = make(1);
    first.setLogits([1], [0, 0, 0]);
    expect(make(1).logitsOf([0, 1])).toEqual(first.logitsOf([0, 1]));
    expect(make(1).logitsOf([0])).not.toEqual(make(1).logitsOf([0, 0]));
    expect(make(1).logitsOf([0])).not.toEqual(make(2).logitsOf([0]));
  });

  it('updates its logits by AdamW: the first step has the size of the learning rate for any gradient', async () => {
    const model = createTabularModel({ alphabet: 'ab' });
    const message = { context: Int32Array.of(0), tokens: Int32Array.of(1) };
    await model.backward([message], [[-2]], { temperature: 1 });
    const { gradNorm } = await model.step({
      learningRate: 0.1,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-12,
      weightDecay: 0,
      maxGradNorm: Number.POSITIVE_INFINITY,
    });
    // -2 is the coefficient of the sampled token x, whose probability is 1/3. The gradient with respect to
    // logit v is -2 * (1[v = x] - 1/3), so it is 2/3, -4/3, 2/3.
    expect(gradNorm).toBeCloseTo(Math.sqrt(24) / 3, 12);
    for (const [v, z] of [-0.1, 0.1, -0.1].entries()) expect(model.logitsOf([0])[v]).toBeCloseTo(z, 9);
  });

  it('returns NaN for NaN logits instead of throwing', async () => {
    const model = createTabularModel({ alphabet: 'ab' });
    const id = await model.snapshot();
    model.setLogits([0], [Number.NaN, 0, 0]);
    const message = { context: Int32Array.of(0), tokens: Int32Array.of(1) };
    expect((await model.forward([message], { temperature: 1 }))[0]?.[0]).toBeNaN();
    expect((await model.divergence([message], id, { temperature: 1 })).klNewOld[0]?.[0]).toBeNaN();
  });

  it('rejects invalid input', async () => {
    expect(() => createTabularModel({ alphabet: 'aa' })).toThrow('distinct characters');
    expect(() => createTabularModel({ alphabet: 'ab', prior: { offsets: [1] } })).toThrow(
      'expected 3 offsets',
    );
    const model = createTabularModel({ alphabet: 'ab', maxContext: 2 });
    expect(() => model.tokenizer.encode('abc')).toThrow('got "c"; add it to the alphabet');
    const request = { context: Int32Array.of(0, 0), stream: randomStream(1) };
    await expect(model.sample([request], { temperature: 1, maxTokens: 1 })).rejects.toThrow('maxContext = 2');
    await expect(model.sample([], { temperature: 0, maxTokens: 1 })).rejects.toThrow('temperature > 0');
    await expect(
      model.backward([{ context: Int32Array.of(), tokens: Int32Array.of(1) }], [[]], { temperature: 1 }),
    ).rejects.toThrow('expected 1 cotangents for sequence 0, got 0');
  });

  it('computes scores that are the derivatives of its log-probabilities', async () => {
    const model = createTabularModel({ alphabet: 'ab', prior: { scale: 1, seed: 4 } });
    const temperature = 0.7;
    const sequences = [
      { context: Int32Array.of(0, end), tokens: Int32Array.of(1, 0, end) },
      { context: Int32Array.of(1, end), tokens: Int32Array.of(0) },
      { context: Int32Array.of(0, end), tokens: Int32Array.of(1, end) },
    ];
    // the states in the order in which the sequences first visit them
    const states = [
      [0, end],
      [0, end, 1],
      [0, end, 1, 0],
      [1, end],
    ];
    const scores = (await model.scores?.(sequences, { temperature })) ?? [];
    expect(scores.map((row) => row.length)).toEqual([12, 12, 12]);
    const logps = async () =>
      (await model.forward(sequences, { temperature })).map((row) => row.reduce((sum, x) => sum + x, 0));
    for (const [k, state] of states.entries())
      for (let v = 0; v < 3; v++) {
        const logits = model.logitsOf(state);
        const h = 0.05; // forward is float32
        const moved = async (by: number) => {
          model.setLogits(
            state,
            logits.map((z, u) => (u === v ? z + by : z)),
          );
          return logps();
        };
        const [up, down] = [await moved(h), await moved(-h)];
        model.setLogits(state, logits);
        for (const [s, row] of scores.entries())
          expect(row[3 * k + v]).toBeCloseTo((Number(up[s]) - Number(down[s])) / (2 * h), 2);
      }
  });

  it('ends messages at its maximum context', async () => {
    const model = createTabularModel({ alphabet: 'ab', maxContext: 3 });
    const request = { context: Int32Array.of(0), stream: draws(0, 0, 0) };
    const [message] = await model.sample([request], { temperature: 1, maxTokens: 9 });
    expect([message?.tokens.length, message?.finish]).toEqual([2, 'length']);
  });
});

describe('a tabular folder', () => {
  it('is rejected when it is damaged or of another format', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'troupe-tabular-'));
    try {
      const engine = createTabularEngine();
      await expect(engine.load({ dir })).rejects.toThrow('expected a readable JSON file');
      const model = createTabularModel({ alphabet: 'ab' });
      model.setLogits([0], [1, 2, 3]);
      await model.save(dir);
      const file = path.join(dir, 'tabular.json');
      const text = await readFile(file, 'utf8');
      await writeFile(file, text.replace('[[1,2,3]]', '[[1,2]]'));
      await expect(engine.load({ dir })).rejects.toThrow('expected 3 numbers in "logits", got 2');
      await writeFile(file, '{"format":"other"}');
      await expect(engine.load({ dir })).rejects.toThrow('got "other"');
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

describe('the alphabet tokenizer', () => {
  it('ends every message with one end token, so that different chats have different contexts', () => {
    const { tokenizer } = createTabularModel({ alphabet: 'ab' });
    const chat = (...contents: string[]) =>
      [...tokenizer.encodeChat(contents.map((content) => ({ role: 'user', content })))].join('');
    expect(chat('ab', 'b')).toBe('01212');
    expect(chat('a', 'bb')).toBe('02112');
    expect(chat('')).toBe('2');
    const spoken = { role: 'assistant', content: 'a', tokens: Int32Array.of(0, end) } as const;
    expect([...tokenizer.encodeChat([spoken])]).toEqual([0, end]);
  });
});
