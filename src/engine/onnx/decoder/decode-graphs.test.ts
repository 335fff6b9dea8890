import { describe, expect, it } from 'vitest';
import { randomStream } from '../../../core/rng.ts';
import { createOnnxEngine } from '../engine.ts';
import { expectedLogp } from '../testing/reference-decoder.ts';
import { tinyConfig, tinyModel, tinyTokenizer, tinyWeights } from '../testing/tiny-model.ts';

// with three slots for seven messages, slots are reused, and dropped at the end
const engine = createOnnxEngine({ threads: 1, spinning: false, decodeBatch: 3 });

function requests(vocabSize: number) {
  const stream = randomStream(41);
  return [1, 3, 1, 14, 7, 3, 2].map((length, i) => ({
    context: Int32Array.from({ length }, () => stream.int(vocabSize)),
    stream: randomStream(42, i),
  }));
}

describe('decoding token by token', () => {
  it.each([
    { name: 'grouped queries, tied', changes: {} },
    { name: 'plain heads, untied', changes: { tiedEmbeddings: false, kvHeads: 6 } },
    { name: 'one key head, one layer', changes: { kvHeads: 1, layers: 1 } },
    { name: 'matrices large enough for transposed matmuls', changes: { vocabSize: 2200, hiddenSize: 64 } },
  ])('matches the log-probabilities of the float64 reference decoder ($name)', async ({ changes }) => {
    // this end token is rarely drawn, so that messages exceed the cache's initial capacity of 16
    const config = tinyConfig({ ...changes, endTokens: [21] });
    const model = await tinyModel(engine, { ...changes, endTokens: [21] });
    const asked = requests(config.vocabSize);
    const temperature = 1.3;
    const completions = await model.sample(asked, { temperature, maxTokens: 25 });
    expect(Math.max(...completions.map(({ tokens }) => tokens.length))).toBeGreaterThan(20);
    completions.forEach(({ tokens, logp }, i) => {
      const context = asked[i]?.context as Int32Array;
      const whole = [...context, ...tokens.slice(0, -1)];
      const rows = expectedLogp(config, tinyWeights(config), { tokens: whole, temperature });
      tokens.forEach((token, u) => {
        const expected = rows[context.length + u - 1]?.[token] as number;
        expect(Math.abs((logp[u] as number) - expected), `token ${u} of message ${i}`).toBeLessThan(4e-5);
      });
    });
  });

  it('never attends to positions beyond a message, even if all valid scores are very low', async () => {
    const config = tinyConfig();
    const weights = tinyWeights(config);
    // queries and keys of opposite signs make every score far smaller than -10,000, ONNX Runtime's default
    // mask value
    for (const [name, values] of weights)
      if (/[qk]_norm$/.test(name)) values.fill(name.endsWith('q_norm') ? -150 : 150);
    const model = await engine.fromCheckpoint({ config, weights, tokenizer: tinyTokenizer() }, 'low');
    const asked = requests(config.vocabSize);
    const completions = await model.sample(asked, { temperature: 1, maxTokens: 20 });
    const scored = await model.forward(
      completions.map(({ tokens }, i) => ({ context: asked[i]?.context as Int32Array, tokens })),
      { temperature: 1 },
    );
    completions.forEach(({ logp }, i) => {
      logp.forEach((value, u) => {
        expect(Math.abs(value - (scored[i]?.[u] as number)), `token ${u} of message ${i}`).toBeLessThan(1e-4);
      });
    });
  });
});
