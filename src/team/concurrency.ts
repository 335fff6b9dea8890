/**
 * Agents at work at the same time, where their models have places of their own to compute in.
 * @module
 */
import type { Model } from '../engine/engine.ts';
import type { Agent } from './team.ts';

/**
 * Does a piece of work for every agent. Agents whose models are `parallel` go on at the same time; the others, and
 * agents that share a model, wait for each other in the order given.
 *
 * When one fails the others are told to stop and waited for, so that nothing goes on behind the caller's back.
 *
 * @param work - given a signal of its own, which also aborts when `signal` does
 * @returns results in order of the agents
 * @throws the failure that came first
 */
export async function runConcurrently<A extends Agent, T>(
  agents: readonly A[],
  work: (agent: A, signal: AbortSignal | undefined) => Promise<T>,
  signal?: AbortSignal,
): Promise<T[]> {
  const lanes = new Map<unknown, (readonly [number, A])[]>();
  for (const [index, agent] of agents.entries()) {
    const lane = lanes.get(laneOf(agent.model));
    if (lane) lane.push([index, agent]);
    else lanes.set(laneOf(agent.model), [[index, agent]]);
  }
  const results: T[] = [];
  if (lanes.size <= 1) {
    for (const agent of agents) {
      signal?.throwIfAborted();
      results.push(await work(agent, signal));
    }
    return results;
  }
  await allOrNone(
    [...lanes.values()].map((lane) => async (own) => {
      for (const [index, agent] of lane) {
        own.throwIfAborted();
        results[index] = await work(agent, own);
      }
    }),
    signal,
  );
  return results;
}

/** How many of the models can be at work at the same time. */
export function concurrencyOf(agents: readonly Agent[]): number {
  return new Set(agents.map(({ model }) => laneOf(model))).size;
}

function laneOf(model: Model): unknown {
  return model.capabilities.parallel ? model : 'one after the other';
}

/** Runs everything at the same time; a failure stops the rest, which is waited for. @throws the first failure */
export async function allOrNone(
  tasks: readonly ((signal: AbortSignal) => Promise<void>)[],
  signal?: AbortSignal,
): Promise<void> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(signal?.reason);
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  let failure: { readonly error: unknown } | undefined;
  try {
    await Promise.all(
      tasks.map((task) =>
        task(controller.signal).catch((error: unknown) => {
          failure ??= { error };
          controller.abort(error);
        }),
      ),
    );
  } finally {
    signal?.removeEventListener('abort', stop);
  }
  if (failure) throw failure.error;
}
