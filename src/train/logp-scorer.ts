/**
 * Computes the trainer's log-probabilities of messages (E9). A model with its own device scores its messages as soon as
 * they are sampled, while other models still sample. Messages of other models are scored on request.
 * @module
 */
import type { Agent, TeamMessage } from '../team/team.ts';
import type { RunContext } from './context.ts';

export class LogpScorer {
  /** The agents whose messages the trainer scores. */
  readonly agents: readonly Agent[];
  readonly #context: Pick<RunContext, 'options' | 'signal'>;
  readonly #pending = new Map<TeamMessage, Promise<Float32Array>>();

  constructor(context: Pick<RunContext, 'options' | 'signal'>, agents: readonly Agent[]) {
    this.#context = context;
    this.agents = agents;
  }

  /**
   * Starts to score newly sampled messages of an agent if its model has its own device, so that no other
   * model is delayed.
   */
  start(agentId: number, messages: readonly TeamMessage[]): void {
    const agent = this.agents.find(({ id }) => id === agentId);
    if (agent?.model.capabilities.parallel !== true) return;
    const scored = this.#forward(agent, messages);
    messages.forEach((message, index) => {
      const one = scored.then((rows) => rows[index]);
      one.catch(() => {}); // `logpOf` rethrows the error; without this call it would be an unhandled rejection
      this.#pending.set(message, one);
    });
  }

  /**
   * Returns the trainer's log-probabilities per message [T], nats. Scores the messages that {@link start} did
   * not.
   */
  async logpOf(agent: Agent, messages: readonly TeamMessage[]): Promise<Float32Array[]> {
    const missing = messages.filter((message) => !this.#pending.has(message));
    const rows = missing.length === 0 ? [] : await this.#forward(agent, missing);
    const computed = new Map(missing.map((message, index) => [message, rows[index]]));
    const all: Float32Array[] = [];
    // every message is in one of the two maps
    for (const message of messages)
      all.push(computed.get(message) ?? ((await this.#pending.get(message)) as Float32Array));
    return all;
  }

  #forward({ model }: Agent, messages: readonly TeamMessage[]): Promise<Float32Array[]> {
    const { options, signal } = this.#context;
    return model.forward(messages, { temperature: options.temperature, ...(signal && { signal }) });
  }
}
