import { describe, expect, it } from 'vitest';
import { randomStream } from '../../../core/rng.ts';
import type { Sequence } from '../../engine.ts';
import { createOnnxEngine } from '../engine.ts';
import { floatData } from '../graph/runtime.ts';
import { expectedLogp } from '../testing/reference-decoder.ts';
import { tinyConfig, tinyModel, tinyWeights } from '../testing/tiny-model.ts';

const engine = createOnnxEngine({ threads: 1, spinning: false, tokenBudget: 64 });

const shapes = [
  { name: 'grouped queries, tied', changes: {} },
  { name: 'plain heads, untied', changes: { tiedEmbeddings: false, kvHeads: 6 } },
  {
    name: 'one key head, untied, odd shapes',
    changes: { tiedEmbeddings: false, kvHeads: 1, headDim: 2, layers: 3 },
  },
];

/** Creates short and long sequences; the last one has the model's maximum length. */
function sequences(vocabSize: number, longest: number): Sequence[] {
  const stream = randomStream(31);
  const draw = (length: number) => Int32Array.from({ length }, () => stream.int(vocabSize));
  return [
    { context: draw(1), tokens: draw(1) },
    { context: draw(1), tokens: draw(17) },
    { context: draw(9), tokens: draw(4) },
    { context: draw(longest - 5), tokens: draw(6) },
  ];
}

describe('the decoder', () => {
  it.each(shapes)('scores like the float64 reference decoder ($name)', async ({ changes }) => {
    const config = tinyConfig(changes);
    const model = await tinyModel(engine, changes);
    const temperature = 0.7;
    const messages = sequences(config.vocabSize, config.maxPositions);
    const scored = await model.forward(messages, { temperature });
    messages.forEach(({ context, tokens }, s) => {
      const whole = [...context, ...tokens];
      const rows = expectedLogp(config, tinyWeights(config), { tokens: whole.slice(0, -1), temperature });
      tokens.forEach((token, u) => {
        const expected = rows[context.length + u - 1]?.[token] as number;
        expect(Math.abs((scored[s]?.[u] as number) - expected), `token ${u} of message ${s}`).toBeLessThan(
          4e-5,
        );
      });
    });
  });

  it('computes divergences that match sums over the full vocabulary at the last state', async () => {
    const config = tinyConfig();
    const model = await tinyModel(engine);
    const cur = await model.snapshot();
    const messages = sequences(config.vocabSize, 20);
    await model.backward(
      messages,
      messages.map(({ tokens }) => tokens.map(() => -1)),
      { temperature: 1 },
    );
    await model.step({
      learningRate: 0.01,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
      weightDecay: 0,
      maxGradNorm: 1,
    });
    const dir = await model.divergence(messages, cur, { temperature: 0.8 });
    const rowsOf = async (of: typeof model, sequence: Sequence): Promise<number[]> => {
      const every = Array.from({ length: config.vocabSize }, (_, v) => ({
        context: Int32Array.from([...sequence.context, ...sequence.tokens.slice(0, -1)]),
        tokens: Int32Array.of(v),
      }));
      return (await of.forward(every, { temperature: 0.8 })).map((row) => row[0] as number);
    };
    for (const [s, message] of messages.entries()) {
      const p = await rowsOf(model, message);
      const q = await rowsOf(await tinyModel(engine), message);
      const sum = (term: (a: number, b: number) => number) =>
        p.reduce((total, a, v) => total + term(a, q[v] as number), 0);
      expect(dir.klNewOld[s]?.at(-1)).toBeCloseTo(
        sum((a, b) => Math.exp(a) * (a - b)),
        4,
      );
      expect(dir.klOldNew[s]?.at(-1)).toBeCloseTo(
        sum((a, b) => Math.exp(b) * (b - a)),
        4,
      );
      expect(dir.tv[s]?.at(-1)).toBeCloseTo(sum((a, b) => Math.abs(Math.exp(a) - Math.exp(b))) / 2, 4);
    }
  });
});

describe('the divergence graph', () => {
  it('computes KL in both directions and TV of two hand-computed rows', async () => {
    const { runtime, divergence } = await engine.sessions(tinyConfig({ vocabSize: 3 })).then((sessions) => ({
      runtime: sessions.runtime,
      divergence: sessions.divergence(),
    }));
    const rows = (...p: number[]) => runtime.float32(Float32Array.from(p, Math.log), [2, 3]);
    // the second rows of both inputs are equal, so their divergences are 0
    const outputs = await (await divergence).run({
      new: rows(0.5, 0.25, 0.25, 0.2, 0.3, 0.5),
      cur: rows(0.25, 0.25, 0.5, 0.2, 0.3, 0.5),
    });
    expect([...floatData(outputs.kl_new_cur)][0]).toBeCloseTo(0.25 * Math.LN2, 6);
    expect([...floatData(outputs.kl_cur_new)][0]).toBeCloseTo(0.25 * Math.LN2, 6);
    expect([...floatData(outputs.tv)][0]).toBeCloseTo(0.25, 6);
    for (const output of Object.values(outputs)) expect(Math.abs(floatData(output)[1] as number)).toBe(0);
  });

  it('handles a token whose probability is almost 0 in one distribution', async () => {
    const sessions = await engine.sessions(tinyConfig({ vocabSize: 2 }));
    const rows = (...logp: number[]) => sessions.runtime.float32(Float32Array.from(logp), [1, 2]);
    const outputs = await (await sessions.divergence()).run({
      new: rows(0, -500),
      cur: rows(-Math.LN2, -Math.LN2),
    });
    expect(floatData(outputs.kl_new_cur)[0]).toBeCloseTo(Math.LN2, 6);
    expect(floatData(outputs.kl_cur_new)[0]).toBeCloseTo(250 - Math.LN2, 3);
    expect(floatData(outputs.tv)[0]).toBeCloseTo(0.5, 6);
  });
});
