/**
 * Prometheus metrics of a server. Labels are routes, status codes and names of agents, never text from
 * clients, so that the number of time series is bounded.
 * @module
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ServedTeam } from '../team/served-team.ts';
import type { AgentTurn } from '../team/team-answer.ts';

/**
 * Bucket bounds of the duration histograms, seconds. Small models answer in tens of milliseconds, large
 * models in minutes.
 */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

export interface GaugeSources {
  readonly running: () => number;
  readonly waiting: () => number;
  readonly team: ServedTeam;
}

export class ServerMetrics {
  readonly registry = new Registry();
  readonly #requests: Counter<'route' | 'code'>;
  readonly #durations: Histogram<'route'>;
  readonly #firstTokens: Histogram<'route'>;
  readonly #tokens: Counter<'kind' | 'agent'>;
  readonly #messages: Counter<'agent' | 'status'>;

  constructor({ running, waiting, team }: GaugeSources) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Counter({
      name: 'troupe_requests_total',
      help: 'Finished requests by route and status code.',
      labelNames: ['route', 'code'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'troupe_request_duration_seconds',
      help: 'Time from the request to the end of its response.',
      labelNames: ['route'],
      buckets: BUCKETS,
      registers,
    });
    this.#firstTokens = new Histogram({
      name: 'troupe_time_to_first_token_seconds',
      help: 'Time from the request to the first event of a streamed response.',
      labelNames: ['route'],
      buckets: BUCKETS,
      registers,
    });
    this.#tokens = new Counter({
      name: 'troupe_tokens_total',
      help: 'Prompt and completion tokens by agent.',
      labelNames: ['kind', 'agent'],
      registers,
    });
    this.#messages = new Counter({
      name: 'troupe_agent_messages_total',
      help: 'Messages by agent: answered, failed, or cancelled because the vote was decided.',
      labelNames: ['agent', 'status'],
      registers,
    });
    const gauge = (name: string, help: string, value: () => number): void => {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(value());
        },
      });
    };
    gauge('troupe_requests_running', 'Generation requests that are running.', running);
    gauge('troupe_requests_waiting', 'Generation requests in the queue.', waiting);
    new Gauge({
      name: 'troupe_agent_ready',
      help: '1 if the agent takes requests, 0 if its circuit is open.',
      labelNames: ['agent'],
      registers,
      collect() {
        for (const agent of team.agents) this.set({ agent: agent.name }, Number(agent.health().ready));
      },
    });
  }

  recordRequest(route: string, code: number, seconds: number): void {
    this.#requests.inc({ route, code });
    this.#durations.observe({ route }, seconds);
  }

  recordFirstToken(route: string, seconds: number): void {
    this.#firstTokens.observe({ route }, seconds);
  }

  recordTurn({ name: agent, status, usage }: AgentTurn): void {
    this.#messages.inc({ agent, status });
    this.#tokens.inc({ kind: 'prompt', agent }, usage.promptTokens);
    this.#tokens.inc({ kind: 'completion', agent }, usage.completionTokens);
  }
}
