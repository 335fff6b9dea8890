/**
 * State of a run between stages, except the weights. It is small enough to read as JSON in a checkpoint, and complete,
 * so that a resumed run makes the same decisions.
 * @module
 */
import { StoreError } from '../support/errors.ts';

/** Version of {@link RunState}. Version 1 called the number of validation prompts `prompts.test`. */
const STATE_VERSION = 2;

/** Values that an agent's update passes on to its next update (E38). */
export interface AgentState {
  /** Coefficient of the KL penalty in the first attempt of the agent's next update (beta_i of E38). */
  readonly beta: number;
  /** Scale of the learning rate; always 1 without `adaptToRadius`. */
  readonly lrScale: number;
  /**
   * Present until the agent's first update, which measures its scale. Absent in checkpoints of older versions,
   * whose runs therefore go on without a measurement.
   */
  readonly scaleUnknown?: true;
}

/** Returns the state of an agent whose model was never updated. */
export function untrainedAgent(beta: number): AgentState {
  return { beta, lrScale: 1, scaleUnknown: true };
}

/** The JSON value that checkpoints contain. */
export interface RunState {
  readonly version: typeof STATE_VERSION;
  readonly agents: AgentState[];
  /** Number of prompts of each split used so far. */
  readonly prompts: { train: number; validation: number };
  readonly gate: {
    /**
     * Number of acceptance tests so far. The number of a test is part of the names of its random streams and
     * determines its share of alpha, the bound on the probability of a false acceptance.
     */
    tests: number;
    promotions: number;
    rollbacks: number;
    /**
     * Factor of every trust-region radius (KL limit); starts at 1, and each rollback to the champion halves
     * it.
     */
    radiusScale: number;
    /** Whether the warning about the exhausted validation split was emitted. */
    exhausted: boolean;
  };
  /** Number of tokens sampled for training so far. */
  tokens: number;
  /**
   * Gain predicted from each agent's last batch, by agent id; null: the agent has had no batch yet. Present
   * with greedy order and fresh rollouts.
   */
  predictedGain?: (number | null)[];
  /** Present if the warning about full contexts was emitted. */
  overflowed?: true;
}

/** Returns the state before the first stage. */
export function initialState(agents: number, beta: number): RunState {
  return {
    version: STATE_VERSION,
    agents: Array.from({ length: agents }, () => untrainedAgent(beta)),
    prompts: { train: 0, validation: 0 },
    gate: { tests: 0, promotions: 0, rollbacks: 0, radiusScale: 1, exhausted: false },
    tokens: 0,
  };
}

/**
 * Validates and copies the state of a checkpoint.
 *
 * @param state - JSON value of the checkpoint
 * @param agents - number of agents of the team that resumes
 * @throws StoreError if the state has another version or another number of agents
 */
export function resumeState(state: unknown, agents: number): RunState {
  const { version, agents: saved } = (state ?? {}) as Partial<RunState>; // both fields are checked below
  if (version !== STATE_VERSION)
    throw new StoreError(
      `checkpoint state: expected version ${STATE_VERSION}, got ${JSON.stringify(version)}; resume with the troupe that wrote it`,
    );
  if (saved?.length !== agents)
    throw new StoreError(
      `checkpoint state: expected ${agents} agents, got ${saved?.length}; resume with the team of the run`,
    );
  return structuredClone(state as RunState);
}
