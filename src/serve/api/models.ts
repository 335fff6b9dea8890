/**
 * The names that clients may put into `model`: the team and each of its members.
 * @module
 */
import { nearestName } from '../../support/nearest.ts';
import { type ServedTeam, soloTeam, TEAM_MODEL } from '../team/served-team.ts';
import { ApiError } from './errors.ts';

export interface ServedModel {
  readonly name: string;
  /** How it is played: a member is a team in which it alone speaks. */
  readonly team: ServedTeam;
  /** Id of the member; undefined for the team. */
  readonly member?: number;
}

export class ModelTable {
  readonly #models: ReadonlyMap<string, ServedModel>;
  /** Seconds since 1970 when it was made. */
  readonly #created: number;

  constructor(team: ServedTeam, created: number) {
    const solo = team.members.map(({ name }, member): ServedModel => {
      return { name, team: soloTeam(team, member), member };
    });
    this.#models = new Map([{ name: TEAM_MODEL, team }, ...solo].map((model) => [model.name, model]));
    this.#created = created;
  }

  /** @throws ApiError (404) */
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

  describe({ name, team, member }: ServedModel): object {
    const one = member === undefined ? undefined : team.members[member];
    return {
      id: name,
      object: 'model',
      created: this.#created,
      owned_by: 'troupe',
      troupe:
        one === undefined
          ? {
              protocol: team.protocol.name,
              members: team.members.map((each) => each.name),
              min_members: team.minMembers,
            }
          : { kind: one.kind, ...(one.maxContext === undefined ? {} : { max_context: one.maxContext }) },
    };
  }
}
