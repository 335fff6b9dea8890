/**
 * What a run will do, counted before it does it: messages sampled and tokens scored, differentiated and
 * compared, per stage and at the end. Nothing here knows a machine.
 * @module
 */

/** The part of a configuration that says how much there is to do; the words are those of the team file. */
export interface WorkloadOptions {
  readonly agents: number;
  readonly protocol: string;
  /** Rounds of a relay or debate, turns of a router over its agents. */
  readonly rounds: number;
  readonly stages: number;
  readonly reuse: boolean;
  /** Companions of a learner are shared among the samples of a prompt. */
  readonly sharedCompanions: boolean;
  /** Every agent plays alone. */
  readonly alone: boolean;
  readonly promptsPerStep: number;
  readonly numGenerations: number;
  readonly numIterations: number;
  readonly minibatchSize: number;
  readonly klTerm: boolean;
  readonly stagePrompts: number;
  readonly certificatePrompts: number;
  /** Most paired prompts of one promotion test, and stages between them; absent: none. */
  readonly gate?: { readonly prompts: number; readonly every: number };
  readonly evaluation: { readonly prompts: number; readonly samples: number; readonly contestants: number };
}

/** Messages by what is done with them. An agent's token counts follow from the lengths of its messages. */
export interface MessageCounts {
  readonly sampled: number;
  /** Scored by the trainer's forward pass. */
  readonly scored: number;
  /** Differentiated at S0, where neither a forward pass nor the KL term is needed. */
  readonly plainBackward: number;
  /** Differentiated after the first step of an attempt: a forward pass, then one with the KL term. */
  readonly fullBackward: number;
  /** Compared with S0 after an attempt. */
  readonly compared: number;
  readonly steps: number;
}

export interface Workload {
  /** Of one stage, all agents together, one attempt per update. */
  readonly stage: MessageCounts;
  /** Messages of one promotion test at most. */
  readonly gateMessages: number;
  readonly gates: number;
  /** Messages of the closing comparison. */
  readonly evaluationMessages: number;
}

/**
 * @param activeShare - share of episodes with an advantage other than 0: only those are differentiated
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

/** Messages of the rollouts of a stage; what samples of a prompt share is sampled once. */
function sampledPerStage(options: WorkloadOptions): number {
  const { agents, rounds, promptsPerStep, numGenerations, protocol } = options;
  const episodes = promptsPerStep * numGenerations;
  if (options.reuse) return agents * rounds * episodes;
  if (options.alone) return agents * rounds * episodes;
  let messages = 0;
  for (let learner = 0; learner < agents; learner++)
    for (let agent = 0; agent < agents; agent++)
      for (let round = 0; round < rounds; round++) {
        // before the learner has spoken, all samples of a prompt look the same to its companions
        const inTurn = protocol === 'relay' || protocol === 'router';
        const isSame =
          protocol === 'vote' || protocol === 'parts' || (round === 0 && (!inTurn || agent < learner));
        const shared = options.sharedCompanions && agent !== learner && isSame;
        messages += shared ? promptsPerStep : episodes;
      }
  return messages;
}
