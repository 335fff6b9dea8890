/**
 * The trainer's log-probabilities of what agents say (E9). A model with a place of its own to compute in scores its
 * messages as soon as it has said them, while others still speak; the rest are scored when they are asked for.
 * @module
 */
import type { Agent, TeamMessage } from '../team/team.ts';
import type { RunContext } from './context.ts';

export class LogpScorer {
  /** Those whose messages are scored. */
  readonly agents: readonly Agent[];
  readonly #context: Pick<RunContext, 'options' | 'signal'>;
  readonly #begun = new Map<TeamMessage, Promise<Float32Array>>();

  constructor(context: Pick<RunContext, 'options' | 'signal'>, agents: readonly Agent[]) {
    this.#context = context;
    this.agents = agents;
  }

  /** Scores messages that an agent has just said, if that holds nobody up. */
  start(speaker: number, messages: readonly TeamMessage[]): void {
    const agent = this.agents.find(({ id }) => id === speaker);
    if (agent?.model.capabilities.parallel !== true) return;
    const scored = this.#forward(agent, messages);
    messages.forEach((message, index) => {
      const one = scored.then((rows) => rows[index]);
      one.catch(() => {}); // told to whoever asks for it; an episode that fails is asked for by nobody
      this.#begun.set(message, one);
    });
  }

  /** @returns per message [T] */
  async logpOf(agent: Agent, messages: readonly TeamMessage[]): Promise<Float32Array[]> {
    const missing = messages.filter((message) => !this.#begun.has(message));
    const rows = missing.length === 0 ? [] : await this.#forward(agent, missing);
    const late = new Map(missing.map((message, index) => [message, rows[index]]));
    const all: Float32Array[] = [];
    for (const message of messages)
      all.push(late.get(message) ?? ((await this.#begun.get(message)) as Float32Array)); // one of the two has it
    return all;
  }

  #forward({ model }: Agent, messages: readonly TeamMessage[]): Promise<Float32Array[]> {
    const { options, signal } = this.#context;
    return model.forward(messages, { temperature: options.temperature, ...(signal && { signal }) });
  }
}
