/**
 * Counts the work of a run from its configuration: the number of messages that are sampled, scored,
 * differentiated and compared, per stage and in the evaluation at the end of the run. The counts do not
 * depend on the machine.
 * @module
 */

/** Settings of a configuration that determine the amount of work, named as in the team file. */
export interface WorkloadOptions {
  readonly agents: number;
  readonly protocol: string;
  /**
   * Number of rounds of a relay or debate; for a router, its number of turns divided by the number of agents.
   */
  readonly rounds: number;
  readonly stages: number;
  readonly reuse: boolean;
  /**
   * Whether all samples of a prompt share the messages of the companions, i.e. of the agents that are not
   * updated with this batch.
   */
  readonly sharedCompanions: boolean;
  /** Whether each agent is trained on episodes in which it acts alone. */
  readonly alone: boolean;
  readonly promptsPerStep: number;
  readonly numGenerations: number;
  readonly numIterations: number;
  readonly minibatchSize: number;
  readonly klTerm: boolean;
  readonly stagePrompts: number;
  readonly certificatePrompts: number;
  /**
   * Promotion tests (acceptance tests of the current team against the deployed one): maximum number of
   * prompts per test, which both teams play, and number of stages between tests; absent: no tests.
   */
  readonly gate?: { readonly prompts: number; readonly every: number };
  readonly evaluation: { readonly prompts: number; readonly samples: number; readonly contestants: number };
}

/**
 * Number of messages for each kind of model call: sampling, scoring, backward pass, comparison of policies.
 */
export interface MessageCounts {
  readonly sampled: number;
  /** Messages whose log-probabilities the trainer computes in a forward pass. */
  readonly scored: number;
  /**
   * Messages in backward passes before the first optimizer step of an update, which need no separate forward
   * pass and no KL term.
   */
  readonly plainBackward: number;
  /**
   * Messages in backward passes after the first optimizer step of an update, which need a separate forward
   * pass and include the KL term.
   */
  readonly fullBackward: number;
  /** Messages on which the updated policy is compared with the policy before the update (KL divergence). */
  readonly compared: number;
  /** Optimizer steps. */
  readonly steps: number;
}

export interface Workload {
  /** Work of one stage, all agents together, if every update succeeds at the first attempt. */
  readonly stage: MessageCounts;
  /**
   * Number of messages of one promotion test (acceptance test of the current team against the deployed one)
   * that does not stop early.
   */
  readonly gateMessages: number;
  readonly gates: number;
  /**
   * Number of messages of the closing comparison, the evaluation of trained and untrained team at the end of
   * the run.
   */
  readonly evaluationMessages: number;
}

/**
 * @param activeShare - share of episodes with a non-zero advantage, 0..1; only their messages need backward
 *   passes
 */
export function workloadOf(options: WorkloadOptions, activeShare: number): Workload {
  const { agents, rounds, stages, promptsPerStep, numGenerations, evaluation, gate } = options;
  const episodes = promptsPerStep * numGenerations;
  const own = episodes * rounds; // number of messages of one agent in one batch
  const minibatches = Math.ceil(episodes / options.minibatchSize);
  const steps = minibatches * options.numIterations;
  const active = own * activeShare * options.numIterations;
  const atStart = active / steps;
  const perEpisode = agents * rounds;
  const certificate = options.certificatePrompts * perEpisode;
  return {
    stage: {
      sampled: sampledPerStage(options) + options.stagePrompts * perEpisode + certificate * agents,
      scored: agents * own * (options.reuse ? 2 : 1) + 2 * certificate,
      plainBackward: agents * (options.klTerm ? atStart : active),
      fullBackward: options.klTerm ? agents * (active - atStart) : 0,
      compared: agents * own,
      steps: agents * steps,
    },
    gateMessages: gate === undefined ? 0 : 2 * gate.prompts * perEpisode,
    gates: gate === undefined ? 0 : Math.ceil(stages / gate.every),
    evaluationMessages: evaluation.prompts * evaluation.samples * evaluation.contestants * perEpisode,
  };
}

/**
 * Number of messages that the rollouts of a stage sample. A message that all samples of a prompt share counts
 * once.
 */
function sampledPerStage(options: WorkloadOptions): number {
  const { agents, rounds, promptsPerStep, numGenerations, protocol } = options;
  const episodes = promptsPerStep * numGenerations;
  if (options.reuse) return agents * rounds * episodes;
  if (options.alone) return agents * rounds * episodes;
  let messages = 0;
  for (let learner = 0; learner < agents; learner++)
    for (let agent = 0; agent < agents; agent++)
      for (let round = 0; round < rounds; round++) {
        // before the first message of the agent that learns, the other agents have the same context in all
        // samples of a prompt
        const inTurn = protocol === 'relay' || protocol === 'router';
        const isSame =
          protocol === 'vote' || protocol === 'parts' || (round === 0 && (!inTurn || agent < learner));
        const shared = options.sharedCompanions && agent !== learner && isSame;
        messages += shared ? promptsPerStep : episodes;
      }
  return messages;
}
