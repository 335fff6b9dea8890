import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { characterTokenizer } from '../text/character-tokenizer.ts';
import { createTokenizer } from '../text/tokenizer.ts';
import { initialWeights } from './decoder/parameters.ts';
import { createOnnxEngine } from './engine.ts';
import { demonstrationLoss, type PretrainOptions, pretrain, toSequences } from './pretrain.ts';
import { loadCheckpoint } from './weights/checkpoint.ts';

const engine = createOnnxEngine({ threads: 1, spinning: false, tokenBudget: 128 });

const options: PretrainOptions = {
  shape: {
    layers: 1,
    hiddenSize: 16,
    heads: 2,
    kvHeads: 1,
    headDim: 8,
    intermediateSize: 24,
    maxPositions: 32,
  },
  alphabet: '0123456789+=',
  seed: 3,
  steps: 30,
  batchSize: 8,
  learningRate: 0.02,
  weightDecay: 0.1,
  warmupSteps: 5,
  example: (index) => ({ prompt: `${index % 3}+1`, messages: [`${index % 3}+1=${(index % 3) + 1}`] }),
};

/** Trains a model and returns every file of its saved folder, as hex. */
async function bytesOf(changes: Partial<PretrainOptions>): Promise<Record<string, string>> {
  const dir = fs.mkdtempSync(join(tmpdir(), 'troupe-pretrain-'));
  try {
    await (await pretrain(engine, { ...options, ...changes })).save(dir);
    return Object.fromEntries(
      fs.readdirSync(dir).map((name) => [name, fs.readFileSync(join(dir, name), 'hex')]),
    );
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
}

describe('pretrain', () => {
  it('produces the same bytes from the same seed, and different bytes from another seed', async () => {
    const [first, second, other] = [
      await bytesOf({ steps: 4 }),
      await bytesOf({ steps: 4 }),
      await bytesOf({ steps: 4, seed: 4 }),
    ];
    expect(Object.keys(first!)).toContain('model.safetensors');
    expect(second).toEqual(first);
    expect(other!['model.safetensors']).not.toBe(first!['model.safetensors']);
    expect(other!['tokenizer.json']).toBe(first!['tokenizer.json']);
  });

  it('reduces the loss, and reports its progress', async () => {
    const losses: number[] = [];
    const model = await pretrain(engine, {
      ...options,
      steps: 60,
      onStep: ({ step, steps, loss, tokens }) => {
        expect([losses.push(loss), steps]).toEqual([step, 60]);
        expect(tokens).toBe(8 * 6);
      },
    });
    expect(losses.length).toBe(60);
    expect(losses[0]).toBeCloseTo(Math.log(17), 0); // the untrained model is about uniform over 17 tokens
    expect(losses.at(-1)).toBeLessThan(0.3);
    const asked = model.tokenizer.encodeChat([{ role: 'user', content: '2+1' }]);
    const [row] = await model.forward(
      [{ context: asked, tokens: Int32Array.of(...model.tokenizer.encode('2+1=3'), 0) }],
      { temperature: 1 },
    );
    expect(row!.reduce((sum, logp) => sum + logp, 0)).toBeGreaterThan(Math.log(0.5));
  });

  it('uses demonstrations in order, for any batch size', async () => {
    const seen: number[] = [];
    const example = (index: number) => {
      seen.push(index);
      return options.example(index);
    };
    await pretrain(engine, { ...options, steps: 3, batchSize: 2, example });
    expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('throws when the loss is NaN', async () => {
    await expect(pretrain(engine, { ...options, learningRate: 1e36, warmupSteps: 0 })).rejects.toThrow(
      /^pretrain: the loss is \S+ at step [23]; lower the learning rate$/,
    );
  });

  it('throws when no demonstration has a message', async () => {
    const example = () => ({ prompt: '1', messages: [] });
    await expect(pretrain(engine, { ...options, example })).rejects.toThrow(
      'pretrain: expected demonstrations with a message, got none at step 1',
    );
  });

  it('stops between steps when the signal aborts', async () => {
    const controller = new AbortController();
    const steps: number[] = [];
    const training = pretrain(engine, {
      ...options,
      signal: controller.signal,
      onStep: ({ step }) => {
        steps.push(step);
        if (step === 2) controller.abort(new Error('enough'));
      },
    });
    await expect(training).rejects.toThrow('enough');
    expect(steps).toEqual([1, 2]);
  });

  it('starts with the initial weights of the seed', async () => {
    const dir = fs.mkdtempSync(join(tmpdir(), 'troupe-pretrain-'));
    try {
      await (await pretrain(engine, { ...options, steps: 0 })).save(dir);
      const { config, weights } = loadCheckpoint(dir, { optimizer: false });
      expect(weights).toEqual(initialWeights(config, randomStream(3, 0)));
      expect(config).toMatchObject({ vocabSize: 17, endTokens: [0], tiedEmbeddings: true, maxPositions: 32 });
    } finally {
      fs.rmSync(dir, { recursive: true });
    }
  });
});

describe('demonstrationLoss', () => {
  it('is low for training examples and high for unseen ones after memorization', async () => {
    const model = await pretrain(engine, { ...options, steps: 60 });
    const seen = [0, 1, 2].map(options.example);
    const unseen = [4, 5, 6].map((n) => ({ prompt: `${n}+1`, messages: [`${n}+1=${n + 1}`] }));
    expect(await demonstrationLoss(model, seen)).toBeLessThan(0.3);
    expect(await demonstrationLoss(model, unseen)).toBeGreaterThan(1);
  });

  it('is a mean over tokens, not over messages', async () => {
    const model = await pretrain(engine, { ...options, steps: 0 });
    const long = { prompt: '1', messages: ['1+1+1+1=4'] };
    const short = { prompt: '1', messages: [''] };
    const [both, ofLong, ofShort] = [
      await demonstrationLoss(model, [long, short]),
      await demonstrationLoss(model, [long]),
      await demonstrationLoss(model, [short]),
    ];
    expect(both).toBeCloseTo((10 * ofLong + ofShort) / 11, 5);
  });
});

describe('toSequences', () => {
  it('makes one sequence per message: the earlier chat as context, and an end token', () => {
    const { files } = characterTokenizer('ab12');
    const tokenizer = createTokenizer({ files }, [0], { where: 'm' });
    const [END, USER, ASSISTANT] = [0, 1, 2];
    const [one, two, a, b] = [5, 6, 7, 8];
    expect(toSequences({ prompt: 'a', messages: ['1', '2b'] }, tokenizer)).toEqual([
      { context: Int32Array.of(USER, a, ASSISTANT), tokens: Int32Array.of(one, END) },
      { context: Int32Array.of(USER, a, ASSISTANT, one, END, ASSISTANT), tokens: Int32Array.of(two, b, END) },
    ]);
    expect(toSequences({ prompt: 'a', messages: [] }, tokenizer)).toEqual([]);
  });

  it('puts the replies of an environment into the context only', () => {
    const { files } = characterTokenizer('ab12');
    const tokenizer = createTokenizer({ files }, [0], { where: 'm' });
    const [END, USER, ASSISTANT] = [0, 1, 2];
    const [one, two, a, b] = [5, 6, 7, 8];
    expect(toSequences({ prompt: 'a', messages: ['1', '2'], replies: ['b', 'a'] }, tokenizer)).toEqual([
      { context: Int32Array.of(USER, a, ASSISTANT), tokens: Int32Array.of(one, END) },
      {
        context: Int32Array.of(USER, a, ASSISTANT, one, END, USER, b, ASSISTANT),
        tokens: Int32Array.of(two, END),
      },
    ]);
  });
});
