/**
 * The models that clients may request: the team, and each of its agents.
 * @module
 */
import { nearestName } from '../../support/nearest.ts';
import { type ServedTeam, singleAgentTeam, TEAM_MODEL } from '../team/served-team.ts';
import { ApiError } from './errors.ts';

export interface ServedModel {
  readonly name: string;
  /**
   * The team that answers. For the model name of an agent, this is a team in which only that agent is active.
   */
  readonly team: ServedTeam;
  /** Id of the agent that the model name selects; undefined if it selects the whole team. */
  readonly agent?: number;
}

export class ModelTable {
  readonly #models: ReadonlyMap<string, ServedModel>;
  /** Creation time that the API reports for all models, seconds since 1970. */
  readonly #created: number;

  constructor(team: ServedTeam, created: number) {
    const agents = team.agents.map(({ name }, agent): ServedModel => {
      return { name, team: singleAgentTeam(team, agent), agent };
    });
    this.#models = new Map([{ name: TEAM_MODEL, team }, ...agents].map((model) => [model.name, model]));
    this.#created = created;
  }

  /** @throws ApiError (404) if the server has no model of this name */
  get(name: string, param?: string): ServedModel {
    const model = this.#models.get(name);
    if (model) return model;
    const names = [...this.#models.keys()];
    const near = nearestName(name, names);
    const help = near === undefined ? `the models are ${names.join(', ')}` : `did you mean '${near}'?`;
    throw new ApiError(`the model '${name.slice(0, 100)}' does not exist; ${help}`, {
      status: 404,
      type: 'invalid_request_error',
      code: 'model_not_found',
      ...(param === undefined ? {} : { param }),
    });
  }

  list(): object {
    return { object: 'list', data: [...this.#models.values()].map((model) => this.describe(model)) };
  }

  describe({ name, team, agent: id }: ServedModel): object {
    const agent = id === undefined ? undefined : team.agents[id];
    return {
      id: name,
      object: 'model',
      created: this.#created,
      owned_by: 'troupe',
      troupe:
        agent === undefined
          ? {
              protocol: team.protocol.name,
              agents: team.agents.map((each) => each.name),
              min_agents: team.minAgents,
            }
          : {
              kind: agent.kind,
              ...(agent.maxContext === undefined ? {} : { max_context: agent.maxContext }),
            },
    };
  }
}
