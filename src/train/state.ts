/**
 * What a run must remember between stages besides weights: small enough to read in the checkpoint's
 * JSON, complete enough that a resumed run takes the same decisions.
 * @module
 */
import { StoreError } from '../support/errors.ts';

/** What persists of an agent's updates (E38). */
export interface AgentState {
  /** beta_i: weight of the KL term in the next first attempt. */
  readonly beta: number;
  /** Factor on the learning rate; stays 1 unless `adaptToRadius`. */
  readonly lrScale: number;
}

/** JSON as it stands in a checkpoint. */
export interface RunState {
  readonly version: 1;
  readonly agents: AgentState[];
  /** Prompts handed out so far. */
  readonly prompts: { train: number; validation: number };
  readonly gate: {
    /** Acceptance tests begun; names their streams and spends alpha. */
    tests: number;
    promotions: number;
    rollbacks: number;
    /** Factor on every radius; each roll-back halves it. */
    radiusScale: number;
    /** The warning that validation prompts ran out has been given. */
    exhausted: boolean;
  };
  /** Tokens sampled for training so far. */
  tokens: number;
  /** Greedy order with fresh rollouts: gain predicted from each agent's last batch; null: none yet. */
  predictedGain?: (number | null)[];
}

/** The state before the first stage. */
export function initialState(agents: number, beta: number): RunState {
  return {
    version: 1,
    agents: Array.from({ length: agents }, () => ({ beta, lrScale: 1 })),
    prompts: { train: 0, validation: 0 },
    gate: { tests: 0, promotions: 0, rollbacks: 0, radiusScale: 1, exhausted: false },
    tokens: 0,
  };
}

/**
 * Takes over what a checkpoint holds.
 *
 * @param state - as the store gave it back
 * @param agents - size of the team that goes on with it
 * @throws StoreError if it is not a state of this version and team
 */
export function resumeState(state: unknown, agents: number): RunState {
  const { version, agents: saved } = (state ?? {}) as Partial<RunState>; // both fields are checked below
  if (version !== 1)
    throw new StoreError(
      `checkpoint state: expected version 1, got ${JSON.stringify(version)}; resume with the troupe that wrote it`,
    );
  if (saved?.length !== agents)
    throw new StoreError(
      `checkpoint state: expected ${agents} agents, got ${saved?.length}; resume with the team of the run`,
    );
  return structuredClone(state as RunState);
}
