/**
 * Teams for exact worlds: a protocol that gives each agent its observation of the state, models whose policy
 * can be read and set, and the exact expected return J of the team with its current models.
 * @module
 */
import { logSoftmax } from '../core/divergence.ts';
import { DomainError } from '../core/errors.ts';
import { type EpisodePolicy, evaluateEpisode } from '../core/tabular/episode.ts';
import type { ObservedEpisode } from '../core/tabular/observed-episode.ts';
import type { Model } from '../engine/engine.ts';
import type { Agent, Protocol, ProtocolMessage, Team } from '../team/team.ts';
import { playText, statesVisited } from './world-task.ts';

/** A model whose policy can be read and set for each state. */
export interface ExactModel extends Model {
  /** Returns the logits of the next token after `prefix` [V]. */
  logitsOf(prefix: ArrayLike<number>): Float64Array;
  setLogits(prefix: ArrayLike<number>, logits: ArrayLike<number>): void;
}

/**
 * Creates a model whose vocabulary is the characters of an alphabet and one end token. The command that runs
 * the experiments chooses the engine.
 */
export type CreateModel = (options: { readonly alphabet: string }) => ExactModel;

/** An agent with an exact model. */
export interface WorldAgent extends Agent {
  readonly model: ExactModel;
}

/** A team of exact models. */
export interface WorldTeam extends Team {
  readonly agents: readonly WorldAgent[];
}

const CHARACTERS = 'abcdefghijklmnopqrstuvwxyz';

/**
 * Returns the alphabet for a number of actions. Every action is one token, and the end token is the last
 * action.
 */
function alphabetOf(actions: number): string {
  if (actions < 2 || actions > CHARACTERS.length + 1)
    throw new DomainError(
      `world: expected agents with 2 to ${CHARACTERS.length + 1} actions, got ${actions}`,
    );
  return CHARACTERS.slice(0, actions - 1);
}

/** Largest number of tokens of a message in an exact world. */
export const ACTION_TOKENS = 1;

/**
 * Creates the protocol with one agent per turn, in the order of the episode. The agent's context is its
 * observation of the state; the team's answer is the sequence of all actions.
 */
export function createWorldProtocol(world: ObservedEpisode): Protocol {
  const { episode } = world;
  const H = episode.turn.length;
  return {
    name: 'world',
    maxTurns: H,
    active: (turn) => (turn < H ? [episode.turn[turn]] : []),
    view(item, _agent, spoken) {
      const states = statesVisited(episode, item, actionsOf(spoken));
      return [{ role: 'user', content: promptOf(world, spoken.length, states[spoken.length]) }];
    },
    decide: (spoken) => ({ ...spoken[spoken.length - 1], text: playText(actionsOf(spoken)) }),
  };
}

function actionsOf(spoken: readonly ProtocolMessage[]): number[] {
  return spoken.map(({ tokens }) => tokens[0]);
}

/**
 * Returns the prompt of an agent at a turn: observation o is encoded as the letter `a` repeated o + 1 times.
 */
function promptOf({ observation }: ObservedEpisode, turn: number, state: number): string {
  return CHARACTERS[0].repeat(1 + observation[turn][state]);
}

/**
 * Creates a team whose models have a given policy.
 *
 * @param policy - a distribution per turn and state [H][S][actions], positive everywhere and equal for equal
 *   observations of an agent
 * @throws DomainError if an agent has different numbers of actions at its turns, or for the reasons of {@link
 *   setPolicy}
 */
export function createWorldTeam(
  world: ObservedEpisode,
  policy: EpisodePolicy,
  createModel: CreateModel,
): WorldTeam {
  const { episode } = world;
  const agents = Array.from({ length: 1 + Math.max(...episode.turn) }, (_, id): WorldAgent => {
    const counts = new Set(
      episode.reward.flatMap((rows, t) => (episode.turn[t] === id ? [rows[0].length] : [])),
    );
    const [actions, ...others] = counts;
    if (actions === undefined || others.length > 0)
      throw new DomainError(
        `world: expected agent ${id} to have one number of actions at all its turns, got [${[...counts].join(', ')}]`,
      );
    return { id, name: `agent_${id}`, model: createModel({ alphabet: alphabetOf(actions) }) };
  });
  const team = { agents, protocol: createWorldProtocol(world) };
  setPolicy(world, team, policy);
  return team;
}

/**
 * Sets the distributions of all agents' models.
 *
 * @throws DomainError if a probability is 0, or two states with the same observation have different distributions
 */
export function setPolicy(world: ObservedEpisode, team: WorldTeam, policy: EpisodePolicy): void {
  const seen = new Map<string, ArrayLike<number>>(); // distribution over actions, for each agent and observation
  forEachState(world, team, ({ t, s, model, prefix }) => {
    const row = policy[t][s];
    if (!Array.from(row).every((p) => p > 0))
      throw new DomainError(
        `world: expected positive probabilities at turn ${t}, state ${s}, got [${Array.from(row).join(', ')}]`,
      );
    const key = `${world.episode.turn[t]}:${world.observation[t][s]}`;
    const same = seen.get(key);
    if (same !== undefined && !Array.from(row).every((p, a) => Math.abs(p - same[a]) < 1e-12))
      throw new DomainError(
        `world: expected the distribution [${Array.from(same).join(', ')}] at turn ${t}, state ${s}, as at an earlier state with the same observation, got [${Array.from(row).join(', ')}]`,
      );
    seen.set(key, row);
    model.setLogits(prefix, Float64Array.from(row, Math.log));
  });
}

/** Returns the current policy of the models at temperature 1 [H][S][actions]. */
export function policyOf(world: ObservedEpisode, team: WorldTeam): EpisodePolicy {
  const policy: Float64Array[][] = world.episode.turn.map(() => []);
  forEachState(world, team, ({ t, model, prefix }) => {
    policy[t].push(logSoftmax(model.logitsOf(prefix)).map(Math.exp));
  });
  return policy;
}

/** Returns the exact expected return J of the team with its current models, reward units   (E7). */
export function exactObjective(world: ObservedEpisode, team: WorldTeam): number {
  return evaluateEpisode(world.episode, policyOf(world, team)).objective;
}

interface StateOfAgent {
  readonly t: number;
  readonly s: number;
  readonly model: ExactModel;
  readonly prefix: Int32Array;
}

/** Calls `visit` for every turn in order, and for every state in order within a turn. */
function forEachState(world: ObservedEpisode, team: WorldTeam, visit: (at: StateOfAgent) => void): void {
  for (const [t, states] of world.observation.entries()) {
    const { model } = team.agents[world.episode.turn[t]];
    for (const s of states.keys()) {
      const prefix = model.tokenizer.encodeChat([{ role: 'user', content: promptOf(world, t, s) }]);
      visit({ t, s, model, prefix });
    }
  }
}
