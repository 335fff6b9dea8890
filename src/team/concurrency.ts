/**
 * Runs work of several agents concurrently if their models compute on devices of their own.
 * @module
 */
import type { Model } from '../engine/engine.ts';
import type { Agent } from './team.ts';

/**
 * Runs `work` for every agent. Agents whose models are `parallel` run concurrently. All other agents, and
 * agents that share a model, run one after the other in the given order.
 *
 * If one call fails, all other calls are aborted, and the returned promise rejects only after they have
 * ended.
 *
 * @param work - receives a signal that aborts when `signal` does, or when another call fails
 * @returns results in order of the agents
 * @throws the first failure
 */
export async function runConcurrently<A extends Agent, T>(
  agents: readonly A[],
  work: (agent: A, signal: AbortSignal | undefined) => Promise<T>,
  signal?: AbortSignal,
): Promise<T[]> {
  const queues = new Map<unknown, (readonly [number, A])[]>();
  for (const [index, agent] of agents.entries()) {
    const queue = queues.get(queueKey(agent.model));
    if (queue) queue.push([index, agent]);
    else queues.set(queueKey(agent.model), [[index, agent]]);
  }
  const results: T[] = [];
  if (queues.size <= 1) {
    for (const agent of agents) {
      signal?.throwIfAborted();
      results.push(await work(agent, signal));
    }
    return results;
  }
  await allOrNone(
    [...queues.values()].map((queue) => async (own) => {
      for (const [index, agent] of queue) {
        own.throwIfAborted();
        results[index] = await work(agent, own);
      }
    }),
    signal,
  );
  return results;
}

/** Returns the number of the agents' models that can compute at the same time. */
export function concurrencyOf(agents: readonly Agent[]): number {
  return new Set(agents.map(({ model }) => queueKey(model))).size;
}

/** Returns the key of a model's queue. Agents with equal keys run one after the other. */
function queueKey(model: Model): unknown {
  return model.capabilities.parallel ? model : 'sequential';
}

/**
 * Runs all tasks concurrently. If one task fails, all other tasks are aborted, and the returned promise
 * rejects only after they have ended.
 *
 * @throws the first failure
 */
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
