import { describe, expect, it } from 'vitest';
import { randomStream } from '../../../core/rng.ts';
import { parameterSpecs } from '../decoder/parameters.ts';
import { createOnnxEngine } from '../engine.ts';
import { expectedLogp } from '../testing/reference-decoder.ts';
import { tinyConfig, tinyWeights } from '../testing/tiny-model.ts';
import { ParameterStore } from '../weights/parameter-store.ts';
import type { PrefilledStates } from './kv-cache.ts';
import { PrefillQueue, runContexts } from './prefill.ts';

const config = tinyConfig();
const engine = createOnnxEngine({ threads: 1, spinning: false });
const sessions = await engine.sessions(config);
const parameters = new ParameterStore(sessions.runtime, parameterSpecs(config), tinyWeights(config));

const stream = randomStream(71);
const draw = (length: number): Int32Array => Int32Array.from({ length }, () => stream.int(config.vocabSize));
const [one, short, middle, long] = [draw(1), draw(3), draw(6), draw(11)] as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

async function takeAll(contexts: readonly Int32Array[], tokenBudget: number): Promise<PrefilledStates[]> {
  const queue = new PrefillQueue({ sessions, weights: parameters, tokenBudget }, contexts);
  const taken: PrefilledStates[] = [];
  for (const message of contexts.keys()) taken.push(await queue.take(message));
  return taken;
}

/** Returns the keys and values of one context, layer by layer, followed by its logits. */
function rowOf({ k, v, logits, row, length }: PrefilledStates, context: Int32Array): number[][] {
  const { kvHeads, headDim, vocabSize } = config;
  const own = (values: Float32Array): number[] =>
    Array.from({ length: kvHeads }, (_, h) => {
      const from = (row * kvHeads + h) * length * headDim;
      return [...values.subarray(from, from + context.length * headDim)];
    }).flat();
  return [...k.map(own), ...v.map(own), [...logits.subarray(row * vocabSize, (row + 1) * vocabSize)]];
}

function expectClose(got: readonly number[][], expected: readonly number[][]): void {
  expect(got.map((row) => row.length)).toEqual(expected.map((row) => row.length));
  got.flat().forEach((value, i) => {
    expect(Math.abs(value - (expected.flat()[i] as number))).toBeLessThan(2e-5);
  });
}

describe('runContexts', () => {
  it.each([
    { name: 'full attention', shape: {} },
    {
      name: 'sliding windows and layers without RoPE',
      shape: {
        slidingWindow: 4,
        layerKinds: [
          { sliding: true, rope: 'global' },
          { sliding: false, rope: 'none' },
        ],
      },
    },
  ] as const)(
    'computes the same states with and without sharing common prefixes: $name',
    async ({ shape }) => {
      const changed = tinyConfig(shape);
      const layers = createOnnxEngine({ threads: 1, spinning: false, execution: 'layers' });
      const parts = { sessions: await layers.sessions(changed), weights: parameters };
      const extend = (context: Int32Array, ...tokens: number[]) => Int32Array.from([...context, ...tokens]);
      const contexts = [
        long,
        extend(middle, 1, 2),
        one,
        extend(middle, 1, 3, 4),
        middle,
        extend(middle, 1),
        long,
      ];
      const [alone, shared] = [
        await runContexts(parts, contexts, { length: 11 }),
        await runContexts(parts, contexts, { length: 11, share: true }),
      ];
      contexts.forEach((context, row) => {
        expectClose(rowOf({ ...shared!, row }, context), rowOf({ ...alone!, row }, context));
      });
      await layers.close();
    },
  );
});

describe('PrefillQueue', () => {
  it('runs equal contexts once, even if other contexts are between them', async () => {
    const again = Int32Array.from(short);
    const [first, second, third] = await takeAll([short, middle, again], 1000);
    expect(third?.k).toBe(first?.k);
    expect(third?.row).toBe(first?.row);
    expect(second?.row).not.toBe(first?.row);
  });

  it('computes the same states of a context alone and in a padded batch', async () => {
    const contexts = [one, long, short, middle];
    const together = await takeAll(contexts, 1000);
    expect(new Set(together.map(({ k }) => k)).size).toBe(1);
    for (const [i, context] of contexts.entries()) {
      const [alone] = await takeAll([context], 1000);
      expectClose(rowOf(together[i]!, context), rowOf(alone!, context));
    }
  });

  it('returns the logits of the next token', async () => {
    for (const context of [one, long]) {
      const [states] = await takeAll([context], 1000);
      const logits = rowOf(states!, context).at(-1)!;
      const logTotal = Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0));
      const reference = expectedLogp(config, tinyWeights(config), { tokens: context }).at(-1)!;
      expectClose([logits.map((z) => z - logTotal)], [reference]);
    }
  });

  it('runs as many contexts at a time as fit into the token budget, and at least one', async () => {
    const runs = async (budget: number): Promise<number[]> => {
      const taken = await takeAll([short, middle, one, long], budget);
      return [...new Set(taken.map(({ k }) => k))].map(
        (k) => taken.filter((states) => states.k === k).length,
      );
    };
    expect(await runs(1000)).toEqual([4]);
    expect(await runs(43)).toEqual([3, 1]); // a batch of four contexts, padded to 11 tokens, has 44 tokens
    expect(await runs(12)).toEqual([2, 1, 1]);
    expect(await runs(1)).toEqual([1, 1, 1, 1]);
  });
});
