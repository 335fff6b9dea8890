/**
 * Prometheus metrics of a server. Labels come from closed sets: routes, status codes, members; never from
 * what a client wrote.
 * @module
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ServedTeam } from '../team/served-team.ts';
import type { MemberTurn } from '../team/team-answer.ts';

/** Seconds; small models answer in tens of milliseconds, large ones in minutes. */
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
  readonly #firstPieces: Histogram<'route'>;
  readonly #tokens: Counter<'kind' | 'member'>;
  readonly #messages: Counter<'member' | 'status'>;

  constructor({ running, waiting, team }: GaugeSources) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Counter({
      name: 'troupe_requests_total',
      help: 'Requests that were answered, by route and status code.',
      labelNames: ['route', 'code'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'troupe_request_duration_seconds',
      help: 'From the request to the end of its answer.',
      labelNames: ['route'],
      buckets: BUCKETS,
      registers,
    });
    this.#firstPieces = new Histogram({
      name: 'troupe_time_to_first_token_seconds',
      help: 'From the request to the first piece of a streamed answer.',
      labelNames: ['route'],
      buckets: BUCKETS,
      registers,
    });
    this.#tokens = new Counter({
      name: 'troupe_tokens_total',
      help: 'Tokens that members read (prompt) and wrote (completion).',
      labelNames: ['kind', 'member'],
      registers,
    });
    this.#messages = new Counter({
      name: 'troupe_member_messages_total',
      help: 'Messages of members: answered, failed, or cancelled because the vote was decided.',
      labelNames: ['member', 'status'],
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
    gauge('troupe_requests_running', 'Requests being worked on.', running);
    gauge('troupe_requests_waiting', 'Requests in the queue.', waiting);
    const members = new Gauge({
      name: 'troupe_member_ready',
      help: '1 where a member would be asked now, 0 where its circuit is open.',
      labelNames: ['member'],
      registers,
      collect() {
        for (const member of team.members) this.set({ member: member.name }, Number(member.health().ready));
      },
    });
    members.reset();
  }

  request(route: string, code: number, seconds: number): void {
    this.#requests.inc({ route, code });
    this.#durations.observe({ route }, seconds);
  }

  firstPiece(route: string, seconds: number): void {
    this.#firstPieces.observe({ route }, seconds);
  }

  turn({ name: member, status, promptTokens, completionTokens }: MemberTurn): void {
    this.#messages.inc({ member, status });
    this.#tokens.inc({ kind: 'prompt', member }, promptTokens);
    this.#tokens.inc({ kind: 'completion', member }, completionTokens);
  }
}
