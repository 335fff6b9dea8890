/**
 * Counts the work of a run from its configuration: messages that are sampled, scored, differentiated and compared, per
 * stage and in the closing comparison. Independent of the machine.
 * @module
 */

/** The part of a configuration that determines the amount of work; names as in the team file. */
export interface WorkloadOptions {
  readonly agents: number;
  readonly protocol: string;
  /** Rounds of a relay or debate, turns of a router over its agents. */
  readonly rounds: number;
  readonly stages: number;
  readonly reuse: boolean;
  /** Whether the samples of a prompt share the messages of the learner's companions. */
  readonly sharedCompanions: boolean;
  /** Whether every agent plays its episodes alone. */
  readonly alone: boolean;
  readonly promptsPerStep: number;
  readonly numGenerations: number;
  readonly numIterations: number;
  readonly minibatchSize: number;
  readonly klTerm: boolean;
  readonly stagePrompts: number;
  readonly certificatePrompts: number;
  /** Most paired prompts of one promotion test, and stages between two tests; absent: no tests. */
  readonly gate?: { readonly prompts: number; readonly every: number };
  readonly evaluation: { readonly prompts: number; readonly samples: number; readonly contestants: number };
}

/** Number of messages by kind of work. */
export interface MessageCounts {
  readonly sampled: number;
  /** Scored by the trainer's forward pass. */
  readonly scored: number;
  /** Differentiated at the start of an update, without a forward pass and without the KL term. */
  readonly plainBackward: number;
  /** Differentiated after the first optimizer step of an attempt: a forward pass, then a backward pass with the KL term. */
  readonly fullBackward: number;
  /** Compared with the policy before the update, after an attempt. */
  readonly compared: number;
  /** Optimizer steps. */
  readonly steps: number;
}

export interface Workload {
  /** One stage, all agents together, with one attempt per update. */
  readonly stage: MessageCounts;
  /** Most messages of one promotion test. */
  readonly gateMessages: number;
  readonly gates: number;
  /** Messages of the closing comparison. */
  readonly evaluationMessages: number;
}

/**
 * @param activeShare - share of episodes with a non-zero advantage, 0..1; only these are differentiated
 */
export function workloadOf(options: WorkloadOptions, activeShare: number): Workload {
  const { agents, rounds, stages, promptsPerStep, numGenerations, evaluation, gate } = options;
  const episodes = promptsPerStep * numGenerations;
  const own = episodes * rounds; // messages of one agent in one batch
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

/** Messages of the rollouts of a stage; a message that the samples of a prompt share counts once. */
function sampledPerStage(options: WorkloadOptions): number {
  const { agents, rounds, promptsPerStep, numGenerations, protocol } = options;
  const episodes = promptsPerStep * numGenerations;
  if (options.reuse) return agents * rounds * episodes;
  if (options.alone) return agents * rounds * episodes;
  let messages = 0;
  for (let learner = 0; learner < agents; learner++)
    for (let agent = 0; agent < agents; agent++)
      for (let round = 0; round < rounds; round++) {
        // before the learner's first message, companions see the same context in all samples of a prompt
        const inTurn = protocol === 'relay' || protocol === 'router';
        const isSame =
          protocol === 'vote' || protocol === 'parts' || (round === 0 && (!inTurn || agent < learner));
        const shared = options.sharedCompanions && agent !== learner && isSame;
        messages += shared ? promptsPerStep : episodes;
      }
  return messages;
}
