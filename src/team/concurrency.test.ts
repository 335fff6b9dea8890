import { describe, expect, it } from 'vitest';
import { randomStream } from '../core/rng.ts';
import type { Model } from '../engine/engine.ts';
import { createTabularModel } from '../engine/tabular/model.ts';
import type { Task } from '../task/task.ts';
import { runConcurrently } from './concurrency.ts';
import { createDebate } from './debate.ts';
import { createRelay } from './relay.ts';
import { rollout } from './rollout.ts';
import type { Agent, Protocol, Team } from './team.ts';
import { createVote } from './vote.ts';

const task: Task = {
  name: 'short',
  rewardRange: [0, 1],
  size: () => undefined,
  item: (split, index) => ({ id: `${split}-${index}`, prompt: 'abc'[index % 3] }),
  verify: (_, text) => ({
    correct: text.length < 3,
    reward: text.length < 3 ? 1 : 0,
    answer: text,
    reason: '',
  }),
};

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Counts the agents whose models are sampling at the same time. */
class CallCounter {
  readonly busy = new Set<number>();
  most = 0;

  async run<T>(agent: number, work: () => Promise<T>): Promise<T> {
    expect(this.busy.has(agent), `two calls on agent ${agent} at once`).toBe(false);
    this.busy.add(agent);
    this.most = Math.max(this.most, this.busy.size);
    try {
      for (let pause = 0; pause < 3; pause++) await tick();
      return await work();
    } finally {
      this.busy.delete(agent);
    }
  }
}

/**
 * Creates a tabular model that runs its calls one after the other, as engines with one device per model do.
 */
function queuedModel(id: number, calls: CallCounter, isParallel: boolean): Model {
  const inner = createTabularModel({ alphabet: 'abc', prior: { offsets: [0, 0, 0, 1], scale: 1, seed: id } });
  let before: Promise<unknown> = Promise.resolve();
  return new Proxy(inner, {
    get(target, key) {
      if (key === 'capabilities') return { ...target.capabilities, parallel: isParallel };
      const value: unknown = Reflect.get(target, key, target);
      if (key !== 'sample') return typeof value === 'function' ? value.bind(target) : value;
      return (...args: Parameters<Model['sample']>) => {
        const completions = before.then(() => calls.run(id, () => target.sample(...args)));
        before = completions.catch(() => {});
        return completions;
      };
    },
  });
}

function play(protocol: Protocol, isParallel: boolean) {
  const calls = new CallCounter();
  const agents = [0, 1, 2].map((id) => ({
    id,
    name: `agent ${id}`,
    model: queuedModel(id, calls, isParallel),
  }));
  const team: Team = { protocol, agents };
  const seen: (readonly [number, number])[] = [];
  const trajectories = rollout(team, task, {
    items: [0, 1, 2, 3, 4].map((index) => task.item('train', index)),
    samples: 2,
    temperature: 1,
    maxTokens: 4,
    learner: 0,
    stream: randomStream(3, 1),
    onProgress: (done, total) => seen.push([done, total]),
  });
  return trajectories.then((played) => ({ played, most: calls.most, last: seen.at(-1) }));
}

describe('rollout with parallel models', () => {
  it.each([
    ['vote', createVote()],
    ['debate', createDebate()],
    ['relay', createRelay(3)],
  ])('samples concurrently in %s and draws the same messages as sequentially', async (_, protocol) => {
    const sequential = await play(protocol, false);
    const concurrent = await play(protocol, true);
    expect(concurrent.played).toEqual(sequential.played);
    expect(sequential.most).toBe(1);
    expect(concurrent.most).toBe(3);
    expect(concurrent.last?.[0]).toBe(concurrent.last?.[1]);
    expect(concurrent.last).toEqual(sequential.last);
  });
});

describe('runConcurrently', () => {
  const agentsOf = (parallel: readonly boolean[]): Agent[] =>
    parallel.map((isParallel, id) => ({
      id,
      name: `${id}`,
      model: queuedModel(id, new CallCounter(), isParallel),
    }));

  it('returns results in order of the agents', async () => {
    const results = await runConcurrently(agentsOf([true, false, true, false]), async ({ id }) => {
      for (let pause = 0; pause < 5 - id; pause++) await tick();
      return 10 * id;
    });
    expect(results).toEqual([0, 10, 20, 30]);
  });

  it('runs agents that share a model one after the other', async () => {
    const [first, second] = agentsOf([true, true]) as [Agent, Agent];
    const shared = [first, second, { ...first, id: 2 }];
    const busy: number[] = [];
    await runConcurrently(shared, async ({ id }) => {
      if (id !== 1) expect(busy.filter((other) => other !== 1)).toEqual([]);
      busy.push(id);
      await tick();
      busy.splice(busy.indexOf(id), 1);
    });
  });

  it('aborts the other agents when one fails, and waits until they have ended', async () => {
    let stopped: unknown;
    const failing = runConcurrently(agentsOf([true, true]), async ({ id }, signal) => {
      if (id === 0) throw new Error('no memory');
      while (!signal?.aborted) await tick();
      await tick();
      stopped = signal.reason;
    });
    await expect(failing).rejects.toThrow('no memory');
    expect(stopped).toMatchObject({ message: 'no memory' });
  });

  it('passes the abort signal of the caller on', async () => {
    const controller = new AbortController();
    const work = runConcurrently(
      agentsOf([true, true]),
      async (_, signal) => {
        while (!signal?.aborted) await tick();
        throw signal.reason;
      },
      controller.signal,
    );
    controller.abort(new Error('aborted by the caller'));
    await expect(work).rejects.toThrow('aborted by the caller');
  });
});
