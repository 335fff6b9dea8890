/**
 * Protocols by name, as a config file asks for them.
 * @module
 */
import { ConfigError } from '../support/errors.ts';
import { nearestName } from '../support/nearest.ts';
import { type OptionReader, readOptions } from '../support/options.ts';
import { createDebate, DEFAULT_DEBATE } from './debate.ts';
import { createParts } from './parts.ts';
import { createRelay, DEFAULT_RELAY } from './relay.ts';
import { createRouter, DEFAULT_ROUTER } from './router.ts';
import type { Protocol } from './team.ts';
import { createVote } from './vote.ts';

/** Reads a protocol's options and says how to make it once they are all known to be right. */
type Reader = (options: OptionReader, agents: number) => () => Protocol;

const PROTOCOLS: Readonly<Record<string, Reader>> = {
  vote: () => () => createVote(),
  parts: () => () => createParts(),
  relay: (options, agents) => {
    const rounds = options.integer('rounds', { default: DEFAULT_RELAY.rounds, min: 1, max: 100 });
    return () => createRelay(agents, { rounds });
  },
  debate: (options) => {
    const rounds = options.integer('rounds', { default: DEFAULT_DEBATE.rounds, min: 1, max: 100 });
    return () => createDebate({ rounds });
  },
  router: (options, agents) => {
    const turns = options.optionalInteger('turns', { min: 1, max: 1000 });
    const order = options.choice('order', ['round_robin', 'random'], DEFAULT_ROUTER.order);
    const range = { default: DEFAULT_ROUTER.seed, min: 0, max: Number.MAX_SAFE_INTEGER };
    const seed = options.integer('seed', range);
    return () => createRouter(agents, { turns, order, seed });
  },
};

export const protocolNames: readonly string[] = Object.keys(PROTOCOLS);

/**
 * Creates a protocol from options as YAML has them: `rounds` of `relay` and `debate`; `turns`, `order`
 * and `seed` of `router`.
 *
 * @param agents - number of agents of the team, >= 1
 * @throws ConfigError for an unknown protocol, or unknown or wrong options
 *
 * @example
 * createProtocol('relay', { rounds: 2 }, 3).maxTurns; // => 6
 */
export function createProtocol(
  name: string,
  options: Readonly<Record<string, unknown>>,
  agents: number,
): Protocol {
  if (!Object.hasOwn(PROTOCOLS, name)) {
    const nearest = nearestName(name, protocolNames);
    const help =
      nearest === undefined ? `the protocols are ${protocolNames.join(', ')}` : `did you mean "${nearest}"?`;
    const message = `unknown protocol "${name}"; ${help}`;
    throw new ConfigError(message, {
      code: 'TROUPE_CONFIG_PROTOCOL',
      issues: [{ path: 'name', message, ...(nearest === undefined ? {} : { suggestion: nearest }) }],
    });
  }
  const reader = readOptions(`protocol ${name}`, options);
  const create = PROTOCOLS[name](reader, agents);
  reader.finish();
  return create();
}
