import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { randomStream } from '../../../core/rng.ts';
import type { Generation, GenerationRequest } from '../../generation.ts';
import { createOnnxEngine } from '../engine.ts';
import { tinyModel } from '../testing/tiny-model.ts';

const engine = createOnnxEngine({ threads: 1 });
afterAll(() => engine.close());
const model = await tinyModel(engine);
const sliding = await tinyModel(engine, {
  architecture: 'Gemma3ForCausalLM',
  slidingWindow: 5,
  localRopeTheta: 100,
  layerKinds: [
    { sliding: true, rope: 'local' },
    { sliding: false, rope: 'global' },
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
  logp: [...logp],
  finish,
});
/**
 * Returns a matcher for a generation with the same tokens and finish reason, and with equal log-probabilities
 * up to rounding.
 */
const like = ({ tokens, logp, finish }: Generation): object => ({
  tokens: [...tokens],
  logp: [...logp].map((value): unknown => expect.closeTo(value, 4)),
  finish,
});

describe('ContinuousBatch', () => {
  it.each([
    ['whole contexts', model],
    ['sliding windows', sliding],
  ])('draws the same tokens as the training sampler, for any concurrent requests (%s)', async (_, model) => {
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
        // requests arrive in different turns of the event loop
        for (let turn = 0; turn < i % 5; turn++) await new Promise(setImmediate);
        return generator.generate(request({ ...one, temperature: 0.8, maxTokens: 30 }));
      }),
    );
    expect(got.map(plain)).toEqual(expected.map(like));
    expect(generator.load()).toMatchObject({ running: 0, waiting: 0 });
    expect(generator.load().tokens).toBe(got.reduce((sum, { tokens }) => sum + tokens.length, 0));
  });

  it('is greedy at temperature 0 and draws no random number', async () => {
    const generator = model.generator();
    const stream = { ...randomStream(1), uniform: () => expect.fail('greedy sampling drew a random number') };
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

  it('draws from the top-p nucleus only', async () => {
    const generator = model.generator();
    const all = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        generator.generate(request({ stream: randomStream(9, i), topP: 1e-9 })),
      ),
    );
    const greedy = await generator.generate(request({ temperature: 0 }));
    expect(new Set(all.map(({ tokens }) => tokens.join()))).toEqual(new Set([greedy.tokens.join()]));
  });

  it('ends a message when onToken returns false', async () => {
    let heard = 0;
    const { tokens, finish } = await model
      .generator()
      .generate(request({ maxTokens: 50, stream: randomStream(4), onToken: () => ++heard < 3 }));
    expect([tokens.length, finish]).toEqual([3, 'stop']);
  });

  it('rejects aborted requests, queued or in flight, and no others', async () => {
    const generator = model.generator({ maxBatch: 2 });
    const [under, waiting] = [new AbortController(), new AbortController()];
    const stop = new Error('enough');
    const heard: number[] = [];
    const outcomes = Promise.allSettled([
      generator.generate(
        request({
          maxTokens: 40,
          temperature: 3,
          signal: under.signal,
          onToken: ({ token }) => {
            heard.push(token);
            under.abort(stop);
            return undefined;
          },
        }),
      ),
      generator.generate(request({ stream: randomStream(2) })),
      generator.generate(request({ signal: waiting.signal })),
      generator.generate(request()),
    ]);
    waiting.abort(stop);
    const [first, second, third, fourth] = await outcomes;
    expect([first, third]).toEqual(new Array(2).fill({ status: 'rejected', reason: stop }));
    expect(heard).toHaveLength(1);
    expect([second?.status, fourth?.status]).toEqual(['fulfilled', 'fulfilled']);
    const alone = await model.generator().generate(request());
    expect(fourth?.status === 'fulfilled' && plain(fourth.value)).toEqual(like(alone));
  });

  it.each([
    ['before its first token', 1],
    ['before a later one', 2],
  ])('continues the other messages when a message is aborted %s', async (_, at) => {
    const gone = new AbortController();
    const stop = new Error('the client left');
    let heard = 0;
    const generator = model.generator();
    // the callback of one message aborts another message whose token comes from the same step
    const stays = generator.generate(
      request({
        maxTokens: 30,
        onToken: () => {
          if (++heard === at) gone.abort(stop);
          return undefined;
        },
      }),
    );
    const leaves = generator.generate(
      request({ stream: randomStream(2), temperature: 3, maxTokens: 30, signal: gone.signal }),
    );
    await expect(leaves).rejects.toBe(stop);
    const alone = await model.generator().generate(request({ maxTokens: 30 }));
    expect(plain(await stays)).toEqual(like(alone));
    expect(generator.load()).toMatchObject({ running: 0, waiting: 0 });
  });

  it('rejects a message that is aborted at its last token', async () => {
    const left = new AbortController();
    const stop = new Error('enough');
    const onToken = (): undefined => void left.abort(stop);
    const message = model.generator().generate(request({ maxTokens: 1, signal: left.signal, onToken }));
    await expect(message).rejects.toBe(stop);
  });

  it('rejects an in-flight message when it is closed, even at its last token', async () => {
    const generator = model.generator();
    const message = generator.generate(request({ maxTokens: 1 }));
    await Promise.resolve();
    await Promise.resolve(); // the prefill has started
    const closing = generator.close();
    await expect(message).rejects.toMatchObject({ code: 'TROUPE_ENGINE_CLOSED' });
    await closing;
  });

  it('shares the batch evenly between keys, not between requests', async () => {
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

  it('rejects only the message whose callback throws, and rejects contexts without room', async () => {
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

  it('keeps its cache within maxCacheBytes', async () => {
    const generator = model.generator({ maxCacheBytes: 4 * 32 * 128 /* bytes per token */ });
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

  it('draws the same tokens for concurrent requests as for one request at a time', async () => {
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
