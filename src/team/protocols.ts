/**
 * Creates the built-in protocols by kind. The configuration schema (`src/config/sections.ts`) checks their
 * options in team files and serve files. To add a protocol, add its kind here and there, and a row to
 * `docs/protocols.md`.
 * @module
 */
import { ConfigError } from '../support/errors.ts';
import { createDebate, DEFAULT_DEBATE, type DebateOptions } from './debate.ts';
import { createParts } from './parts.ts';
import { createRelay, DEFAULT_RELAY, type RelayOptions } from './relay.ts';
import { createRouter, type RouterOptions } from './router.ts';
import type { Protocol } from './team.ts';
import { createVote } from './vote.ts';

/**
 * Kind and options of a protocol, as in section `protocol` of a team file. Absent options have their
 * defaults.
 */
export type ProtocolOptions =
  | { readonly kind: 'vote' }
  | { readonly kind: 'parts' }
  | ({ readonly kind: 'relay' } & Partial<RelayOptions>)
  | ({ readonly kind: 'debate' } & Partial<DebateOptions>)
  | ({ readonly kind: 'router' } & Partial<RouterOptions>);

export const protocolNames: readonly ProtocolOptions['kind'][] = [
  'vote',
  'parts',
  'relay',
  'debate',
  'router',
];

/**
 * Creates a built-in protocol.
 *
 * @param options - kind and options, already validated by the configuration schema
 * @param agents - number of agents of the team, >= 1
 * @throws ConfigError for an unknown kind
 *
 * @example
 * createProtocol({ kind: 'relay', rounds: 2 }, 3).maxTurns; // => 6
 */
export function createProtocol(options: ProtocolOptions, agents: number): Protocol {
  switch (options.kind) {
    case 'vote':
      return createVote();
    case 'parts':
      return createParts();
    case 'relay':
      return createRelay(agents, { ...DEFAULT_RELAY, ...options });
    case 'debate':
      return createDebate({ ...DEFAULT_DEBATE, ...options });
    case 'router':
      return createRouter(agents, options);
    default:
      throw unknownProtocol(options);
  }
}

/** Returns the error for an unknown kind, which callers without type checks can pass. */
function unknownProtocol({ kind }: { readonly kind: unknown }): ConfigError {
  return new ConfigError(
    `protocol.kind: expected one of ${protocolNames.join(', ')}, got ${JSON.stringify(kind) ?? 'nothing'}`,
    { code: 'TROUPE_CONFIG_PROTOCOL' },
  );
}
