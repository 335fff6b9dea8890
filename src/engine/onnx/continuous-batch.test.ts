import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import type { Generation, GenerationRequest } from '../generation.ts';
import { createOnnxEngine } from './engine.ts';
import { tinyModel } from './testing/tiny-model.ts';

const engine = createOnnxEngine({ threads: 1 });
afterAll(() => engine.close());
const model = await tinyModel(engine);
const sliding = await tinyModel(engine, {
  architecture: 'Gemma3ForCausalLM',
  slidingWindow: 5,
  localRopeTheta: 100,
  layerKinds: [
    { window: true, positions: 'local' },
    { window: false, positions: 'global' },
  ],
});
const context = (...ids: number[]): Int32Array => Int32Array.from([1, ...ids, 2]);
const request = (changes: Partial<GenerationRequest> = {}): GenerationRequest => ({
  context: context(7, 8),
  stream: randomStream(1),
  temperature: 1,
  topP: 1,
  maxTokens: 20,
  ...changes,
});
const plain = ({ tokens, logp, finish }: Generation): object => ({
  tokens: [...tokens],
  logp: [...logp].map((value) => Math.round(value * 1e4)),
  finish,
});

describe('ContinuousBatch', () => {
  it.each([
    ['whole contexts', model],
    ['sliding windows', sliding],
  ])('says what the sampler of training says, whatever else is running (%s)', async (_, model) => {
    const requests = Array.from({ length: 23 }, (_, i) => ({
      context: context(...Array.from({ length: i % 7 }, (_, j) => 5 + ((i + j) % 9))),
      stream: randomStream(3, i),
    }));
    const expected = await model.sample(
      requests.map(({ context, stream }) => ({ context, stream: stream.child() })),
      { temperature: 0.8, maxTokens: 30 },
    );
    const generator = model.generator({ maxBatch: 5, prefillTokens: 12 });
    const got = await Promise.all(
      requests.map(async (one, i) => {
        for (let turn = 0; turn < i % 5; turn++) await new Promise(setImmediate); // they come one by one
        return generator.generate(request({ ...one, temperature: 0.8, maxTokens: 30 }));
      }),
    );
    expect(got.map(plain)).toEqual(expected.map(plain));
    expect(generator.load()).toMatchObject({ running: 0, waiting: 0 });
    expect(generator.load().tokens).toBe(got.reduce((sum, { tokens }) => sum + tokens.length, 0));
  });

  it('writes the likeliest tokens at temperature 0, without a draw', async () => {
    const generator = model.generator();
    const stream = { ...randomStream(1), uniform: () => expect.fail('a greedy draw took a number') };
    const { tokens, logp } = await generator.generate(request({ temperature: 0, stream }));
    const scored = await model.forward([{ context: context(7, 8), tokens }], { temperature: 1 });
    scored[0]?.forEach((value, t) => {
      expect(logp[t]).toBeCloseTo(value, 4);
    });
    const seen: number[] = [];
    await generator.generate(
      request({
        temperature: 0,
        topLogprobs: 3,
        onToken: ({ token, ranked }) => {
          expect(ranked?.top[0]?.token).toBe(token);
          expect(ranked?.top[0]?.logp).toBe(ranked?.logp);
          seen.push(token);
          return true;
        },
      }),
    );
    expect(seen).toEqual([...tokens]);
  });

  it('draws from the nucleus alone', async () => {
    const generator = model.generator();
    const all = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        generator.generate(request({ stream: randomStream(9, i), topP: 1e-9 })),
      ),
    );
    const greedy = await generator.generate(request({ temperature: 0 }));
    expect(new Set(all.map(({ tokens }) => tokens.join()))).toEqual(new Set([greedy.tokens.join()]));
  });

  it('ends a message when told to', async () => {
    let heard = 0;
    const { tokens, finish } = await model
      .generator()
      .generate(request({ maxTokens: 50, stream: randomStream(4), onToken: () => ++heard < 3 }));
    expect([tokens.length, finish]).toEqual([3, 'stop']);
  });

  it('lets go of aborted messages, waiting or under way, and of nobody else', async () => {
    const generator = model.generator({ maxBatch: 2 });
    const [under, waiting] = [new AbortController(), new AbortController()];
    const stop = new Error('enough');
    const outcomes = Promise.allSettled([
      generator.generate(
        request({
          maxTokens: 40,
          temperature: 3,
          signal: under.signal,
          onToken: () => void under.abort(stop),
        }),
      ),
      generator.generate(request({ stream: randomStream(2) })),
      generator.generate(request({ signal: waiting.signal })),
      generator.generate(request()),
    ]);
    waiting.abort(stop);
    const [first, second, third, fourth] = await outcomes;
    expect(third).toEqual({ status: 'rejected', reason: stop });
    expect([second?.status, fourth?.status]).toEqual(['fulfilled', 'fulfilled']);
    expect(['rejected', 'fulfilled']).toContain(first?.status); // its first token may have been its last
    const alone = await model.generator().generate(request());
    expect(fourth?.status === 'fulfilled' && plain(fourth.value)).toEqual(plain(alone));
  });

  it('shares the batch between keys, not between requests', async () => {
    const generator = model.generator({ maxBatch: 2 });
    const done: string[] = [];
    const ask = async (fairKey: string, i: number): Promise<void> => {
      await generator.generate(
        request({ fairKey, stream: randomStream(8, i), maxTokens: 6, onToken: () => undefined }),
      );
      done.push(fairKey);
    };
    const many = Array.from({ length: 30 }, (_, i) => ask('many', i));
    const few = Array.from({ length: 3 }, (_, i) => ask('few', i));
    await Promise.all([...many, ...few]);
    expect(done.lastIndexOf('few')).toBeLessThan(14);
  });

  it('fails one message for its own fault, and refuses contexts without room', async () => {
    const generator = model.generator();
    const bad = generator.generate(
      request({
        onToken: () => {
          throw new Error('mine');
        },
      }),
    );
    const good = generator.generate(request());
    await expect(bad).rejects.toThrow('mine');
    await expect(good).resolves.toBeDefined();
    await expect(generator.generate(request({ context: new Int32Array(64).fill(5) }))).rejects.toThrow(
      'leaves no room',
    );
    await generator.close();
    await expect(generator.generate(request())).rejects.toThrow('was closed');
  });

  it('keeps its cache within its bound', async () => {
    const generator = model.generator({ maxCacheBytes: 4 * 32 * 128 /* bytes of a token */ });
    let most = 0;
    await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        generator.generate(
          request({
            stream: randomStream(5, i),
            onToken: () => {
              most = Math.max(most, generator.load().running);
              return undefined;
            },
          }),
        ),
      ),
    );
    expect(most).toBe(4);
    expect(generator.load().cacheBytes).toBeLessThanOrEqual(4 * 32 * 128);
  });

  it('gives any mixture of requests the same words as one at a time', async () => {
    const one = fc.record({
      ids: fc.array(fc.integer({ min: 5, max: 21 }), { maxLength: 8 }),
      seed: fc.nat({ max: 1000 }),
      temperature: fc.constantFrom(0, 0.5, 1, 2),
      topP: fc.constantFrom(0.3, 0.9, 1),
      maxTokens: fc.integer({ min: 1, max: 25 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 9 }), async (asked) => {
        const requests = asked.map(({ ids, seed, ...rest }) => ({ ...rest, context: context(...ids), seed }));
        const run = (generator: ReturnType<typeof model.generator>) => (r: (typeof requests)[number]) =>
          generator.generate(request({ ...r, stream: randomStream(r.seed) }));
        const together = await Promise.all(requests.map(run(model.generator({ maxBatch: 4 }))));
        const apart = [];
        for (const r of requests) apart.push(await run(model.generator())(r));
        expect(together.map(({ tokens }) => [...tokens])).toEqual(apart.map(({ tokens }) => [...tokens]));
      }),
      { numRuns: 15 },
    );
  });
});
