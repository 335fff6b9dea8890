/** Trains a team of two models with different vocabularies: one of characters and one of subwords. */
import { afterAll, describe, expect, it } from 'vitest';
import { randomStream } from '../src/core/rng.ts';
import type { Model } from '../src/engine/engine.ts';
import type { DecoderConfig } from '../src/engine/onnx/decoder/config.ts';
import { createOnnxEngine } from '../src/engine/onnx/engine.ts';
import { tinyConfig, tinyTokenizer, tinyWeights } from '../src/engine/onnx/testing/tiny-model.ts';
import { readTokenizerFiles, type TokenizerFiles } from '../src/engine/text/tokenizer-files.ts';
import type { Task } from '../src/task/task.ts';
import { createDebate } from '../src/team/debate.ts';
import { createRelay } from '../src/team/relay.ts';
import { rollout } from '../src/team/rollout.ts';
import type { Protocol, Team } from '../src/team/team.ts';
import { createVote } from '../src/team/vote.ts';
import { runTraining } from '../src/train/run.ts';
import { MemoryRun } from '../src/train/testing/memory-store.ts';
import { trainOptions } from '../src/train/testing/world.ts';

const engine = createOnnxEngine({ threads: 1, spinning: false });
afterAll(() => engine.close());

/**
 * A task in which any text is an answer. Texts with an even number of letters earn a reward, so that training
 * has a signal.
 */
const task: Task = {
  name: 'even',
  rewardRange: [0, 1],
  size: () => undefined,
  item: (split, index) => ({ id: `${split}-${index}`, prompt: `${index % 5}+1=` }),
  verify: (_, text) => {
    const correct = text.length % 2 === 0;
    return { correct, reward: correct ? 1 : 0, answer: text, reason: 'counted' };
  },
};

async function make(tokenizer: TokenizerFiles, changes: Partial<DecoderConfig>): Promise<Model> {
  const config = tinyConfig({ maxPositions: 512, ...changes });
  return engine.fromCheckpoint({ config, weights: tinyWeights(config), tokenizer }, 'mixed');
}

async function mixedTeam(protocol: Protocol): Promise<Team> {
  const pieces = readTokenizerFiles('test/fixtures/chat/qwen2_5');
  const models = [
    await make(tinyTokenizer(), {}),
    // this model has another width, depth and vocabulary; 652 is the id of <|im_end|>
    await make(pieces, { vocabSize: 655, hiddenSize: 8, layers: 1, heads: 2, kvHeads: 1, endTokens: [652] }),
  ];
  return { protocol, agents: models.map((model, id) => ({ id, name: `agent ${id}`, model })) };
}

describe('a team of two vocabularies', () => {
  it.each([
    ['vote', createVote()],
    ['relay', createRelay(2, { rounds: 2 })],
    ['debate', createDebate()],
  ])('plays %s with each agent’s own tokenizer', async (_, protocol) => {
    const team = await mixedTeam(protocol);
    const items = [0, 1].map((index) => task.item('train', index));
    const options = { items, samples: 3, temperature: 1, maxTokens: 5, stream: randomStream(3) };
    const trajectories = await rollout(team, task, options);
    for (const { item, messages } of trajectories)
      for (const { agent, context, tokens, text, turn, logpSampler, meanLogp } of messages) {
        const { tokenizer } = team.agents[agent]!.model;
        expect(Math.max(...context, ...tokens)).toBeLessThan(tokenizer.vocabSize);
        expect(text).toBe(tokenizer.decode(tokens));
        const logpSum = logpSampler.reduce((sum, logp) => sum + logp, 0);
        expect(meanLogp).toBeCloseTo(logpSum / Math.max(1, text.length), 9);
        const earlier = messages.filter((message) => message.turn < turn);
        const view = protocol.view(item, agent, earlier, undefined);
        expect(context).toEqual(tokenizer.encodeChat(view));
        // messages of other agents are passed as text, never as token ids, because the vocabularies differ
        expect(view.filter(({ tokens: own }) => own).length).toBe(
          earlier.filter(
            (message) => message.agent === agent && (protocol.name !== 'debate' || message.turn === turn - 1),
          ).length,
        );
      }
  });

  it('updates both agents within their radii and saves both', async () => {
    const memory = new MemoryRun();
    try {
      await runTraining({
        team: await mixedTeam(createRelay(2)),
        task,
        options: trainOptions({
          stages: 2,
          promptsPerStep: 4,
          numGenerations: 4,
          maxCompletionLength: 5,
          rolloutMode: 'reuse',
          trustRegion: { targetKl: 0.2, targetKlMessage: 0.5 },
          optimizer: { learningRate: 0.003 },
          gate: { kind: 'off' },
        }),
        store: memory.open(),
        loadAgent: (dir) => engine.load({ dir, optimizer: true }),
      });
      const updates = memory.eventsOf('update');
      expect(updates).toHaveLength(4);
      for (const agent of [0, 1]) {
        const accepted = updates.filter((update) => update.agent === agent && update.status === 'ACCEPT');
        expect(accepted.length, `agent ${agent}`).toBeGreaterThan(0);
        for (const { attempts, logpMismatchMax } of accepted) {
          expect(attempts.at(-1)!.klQuantile).toBeGreaterThan(0);
          expect(attempts.at(-1)!.klQuantile).toBeLessThanOrEqual(0.2);
          expect(logpMismatchMax).toBeLessThan(1e-4);
        }
      }
      const folder = `${memory.dir}/stage-0002`;
      const sizes = [];
      for (const id of [0, 1])
        sizes.push((await engine.load({ dir: `${folder}/agent_${id}` })).tokenizer.vocabSize);
      expect(sizes[0]).toBe(22);
      expect(sizes[1]).toBeGreaterThan(600);
    } finally {
      memory.remove();
    }
  });
});
