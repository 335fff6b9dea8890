/**
 * Counts the work of a run from its configuration: the calls that sample, score, differentiate and compare
 * messages, per stage, in a promotion test, and in the evaluation at the end of the run. The counts do not
 * depend on the machine.
 * @module
 */

/** Settings of a configuration that determine the amount of work, named as in the team file. */
export interface WorkloadOptions {
  readonly agents: number;
  readonly protocol: string;
  /**
   * Number of messages of an agent in an episode: the rounds of a relay or debate; for a router, its number of
   * turns divided by the number of agents.
   */
  readonly rounds: number;
  readonly stages: number;
  readonly reuse: boolean;
  /** Whether all agents are updated from the team at the start of the stage. */
  readonly simultaneous: boolean;
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
  /** Whether the first update of an agent begins with a probe, a small step that is measured and undone. */
  readonly probes: boolean;
  readonly stagePrompts: number;
  readonly certificatePrompts: number;
  /** Number of stages between two checkpoints. */
  readonly saveSteps: number;
  /**
   * Promotion tests (acceptance tests of the current team against the deployed one): maximum number of
   * prompts per test, which both teams play, and number of stages between tests; absent: no tests.
   */
  readonly gate?: { readonly prompts: number; readonly every: number };
  readonly evaluation: {
    readonly prompts: number;
    readonly samples: number;
    /** Number of compared teams: at least, and with a champion that is not the last checkpoint. */
    readonly contestants: { readonly least: number; readonly most: number };
  };
  /** Number of prompts of the validation and the test split; absent: unlimited. */
  readonly splits?: { readonly validation?: number | undefined; readonly test?: number | undefined };
}

/** A call that samples messages of one agent, and how often it happens. */
export interface SamplingCall {
  readonly agent: number;
  /** The agent's messages of this round, counted from 0. */
  readonly round: number;
  readonly messages: number;
  /** Number of distinct contexts of the messages. */
  readonly contexts: number;
  readonly times: number;
}

export type PassKind = 'forward' | 'backward' | 'fullBackward' | 'divergence';

/** A call that runs a pass over messages of one agent, equally many of each round. */
export interface PassCall {
  readonly kind: PassKind;
  readonly agent: number;
  readonly messages: number;
  /** Number of messages per distinct context. */
  readonly perContext: number;
  readonly times: number;
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

/** Calls of one stage by phase, if every update is accepted at its first attempt. */
export interface StageCalls {
  readonly rollout: readonly SamplingCall[];
  readonly score: readonly PassCall[];
  readonly update: readonly PassCall[];
  readonly divergence: readonly PassCall[];
  readonly certificate: readonly SamplingCall[];
  readonly evaluate: readonly SamplingCall[];
  /** Optimizer steps of one attempt of one agent. */
  readonly stepsPerAttempt: number;
  /** Messages of one agent in a minibatch, if all have a gradient. */
  readonly minibatchMessages: number;
}

export interface Workload {
  /** Work of one stage, all agents together, if every update succeeds at the first attempt. */
  readonly stage: MessageCounts;
  readonly calls: {
    readonly stage: StageCalls;
    /** Check of sampler and trainer before the first stage, and the evaluation of the base team. */
    readonly start: { readonly sampling: readonly SamplingCall[]; readonly passes: readonly PassCall[] };
    /** Passes of one probe of every agent, besides those of its first attempt; [] without probes. */
    readonly probe: readonly PassCall[];
    /** One promotion test that does not stop early. */
    readonly gate: readonly SamplingCall[];
    /** Evaluation of one team. */
    readonly evaluation: readonly SamplingCall[];
  };
  /**
   * Number of messages of one promotion test (acceptance test of the current team against the deployed one)
   * that does not stop early.
   */
  readonly gateMessages: number;
  /** Number of tests, while the validation split has prompts. */
  readonly gates: number;
  /** Number of compared teams of the closing comparison: at least and at most. */
  readonly contestants: { readonly least: number; readonly most: number };
  /**
   * Number of messages of the closing comparison, the evaluation of trained and untrained team at the end of
   * the run, at most.
   */
  readonly evaluationMessages: number;
  /** Number of checkpoints that the run writes, including the one before the first stage. */
  readonly checkpoints: number;
}

/** Number of prompts that an acceptance test plays at once; see `train/paired-test.ts`. */
const GATE_PROMPTS_AT_ONCE = 32;
/** Prompts and samples of the check before the first stage; see `train/collect.ts`. */
const CHECK = { prompts: 2, samples: 2 };

/**
 * @param activeShare - share of episodes with a non-zero advantage, 0..1; only their messages need backward
 *   passes
 */
export function workloadOf(options: WorkloadOptions, activeShare: number): Workload {
  const { agents, rounds, evaluation } = options;
  const calls = stageCalls(options, activeShare);
  const perEpisode = agents * rounds;
  const gate = gatesOf(options);
  const prompts = Math.min(evaluation.prompts, options.splits?.test ?? Number.POSITIVE_INFINITY);
  const messages = (kind: PassKind, of: readonly PassCall[]): number =>
    sum(of.filter((call) => call.kind === kind).map((call) => call.messages * call.times));
  return {
    stage: {
      sampled: sampledBy([...calls.rollout, ...calls.certificate, ...calls.evaluate]),
      scored: messages('forward', calls.score),
      plainBackward: messages('backward', calls.update),
      fullBackward: messages('fullBackward', calls.update),
      compared: messages('divergence', calls.divergence),
      steps: agents * calls.stepsPerAttempt,
    },
    calls: {
      stage: calls,
      start: {
        sampling: [...episodeCalls(options, CHECK), ...calls.evaluate],
        passes: passCalls(options, 'forward', CHECK.prompts * CHECK.samples * rounds, CHECK),
      },
      probe: options.probes ? probeCalls(options, calls) : [],
      gate: gateCalls(options, gate.prompts),
      evaluation: episodeCalls(options, { prompts, samples: evaluation.samples }),
    },
    gateMessages: 2 * gate.prompts * perEpisode,
    gates: gate.tests,
    contestants: evaluation.contestants,
    evaluationMessages: prompts * evaluation.samples * evaluation.contestants.most * perEpisode,
    checkpoints: 1 + checkpointsOf(options),
  };
}

/** Number of messages that calls sample. */
export function sampledBy(calls: readonly SamplingCall[]): number {
  return sum(calls.map(({ messages, times }) => messages * times));
}

/**
 * Returns the number of tests and the prompts of one test. No prompt of the validation split is used twice,
 * so a small split ends the tests early.
 */
function gatesOf({ gate, stages, splits }: WorkloadOptions): {
  readonly tests: number;
  readonly prompts: number;
} {
  const available = splits?.validation ?? Number.POSITIVE_INFINITY;
  if (gate === undefined || available === 0) return { tests: 0, prompts: 0 };
  const tests = Math.min(Math.ceil(stages / gate.every), Math.ceil(available / gate.prompts));
  return { tests, prompts: Math.min(gate.prompts, available / Math.max(1, tests)) };
}

function checkpointsOf({ stages, saveSteps, gate }: WorkloadOptions): number {
  const isSaved = (stage: number): boolean =>
    stage === stages ||
    stage % saveSteps === 0 ||
    (gate !== undefined && gate.every >= 1 && stage % gate.every === 0);
  return Array.from({ length: stages }, (_, k) => k + 1).filter(isSaved).length;
}

function stageCalls(options: WorkloadOptions, activeShare: number): StageCalls {
  const { agents, rounds, promptsPerStep, numGenerations, certificatePrompts, splits } = options;
  const episodes = promptsPerStep * numGenerations;
  const own = episodes * rounds; // number of messages of one agent in one batch
  const minibatches = Math.ceil(episodes / options.minibatchSize);
  const stepsPerAttempt = minibatches * options.numIterations;
  const active = (own * activeShare) / minibatches; // messages of one minibatch with a gradient
  const isStageCertificate = options.reuse || options.simultaneous;
  const perStage = certificatePrompts * (isStageCertificate ? 1 : agents);
  const certified = perStage <= (splits?.validation ?? Number.POSITIVE_INFINITY) ? certificatePrompts : 0;
  const forward = (messages: number, samples?: number) =>
    passCalls(options, 'forward', messages, { samples });
  const inMinibatch = { samples: samplesPerMinibatch(numGenerations, minibatches) };
  return {
    rollout: rolloutCalls(options),
    score: [
      ...forward(own),
      // a reused batch is scored again after each update, for the importance weights of later updates
      ...(options.reuse && !options.simultaneous ? forward(own) : []),
      ...forward(certified * rounds, 1), // before an update
      ...forward(certified * rounds, 1), // after it
    ],
    update: options.klTerm
      ? [
          ...passCalls(options, 'backward', active, inMinibatch),
          ...passCalls(options, 'fullBackward', active, { ...inMinibatch, times: stepsPerAttempt - 1 }),
        ]
      : passCalls(options, 'backward', active, { ...inMinibatch, times: stepsPerAttempt }),
    divergence: [
      ...passCalls(options, 'divergence', own),
      ...(isStageCertificate ? [] : passCalls(options, 'divergence', certified * rounds, { samples: 1 })),
    ],
    certificate: episodeCalls(options, { prompts: certified, samples: 1 }, isStageCertificate ? 1 : agents),
    evaluate: episodeCalls(options, { prompts: options.stagePrompts, samples: 1 }),
    stepsPerAttempt,
    minibatchMessages: own / minibatches,
  };
}

/** Returns the passes that a probe adds. The gradient of a single optimizer step is reused by the first attempt. */
function probeCalls(options: WorkloadOptions, { update, stepsPerAttempt }: StageCalls): PassCall[] {
  const own = options.promptsPerStep * options.numGenerations * options.rounds;
  return [...(stepsPerAttempt > 1 ? update : []), ...passCalls(options, 'divergence', own)];
}

/**
 * @param batch.samples - episodes per prompt among the messages; default: those of a batch of an update
 * @param batch.times - number of equal calls; default 1
 */
function passCalls(
  options: WorkloadOptions,
  kind: PassKind,
  messages: number,
  {
    samples = options.numGenerations,
    times = 1,
  }: { readonly samples?: number | undefined; readonly times?: number } = {},
): PassCall[] {
  if (messages === 0 || times === 0) return [];
  return Array.from({ length: options.agents }, (_, agent) => {
    return { kind, agent, messages, perContext: messagesPerContext(options, { agent, samples }), times };
  });
}

/** Returns the mean number of an agent's messages per distinct context, in a batch of its own update. */
function messagesPerContext(
  options: WorkloadOptions,
  { agent, samples }: { readonly agent: number; readonly samples: number },
): number {
  const { rounds, protocol, sharedCompanions, reuse } = options;
  const contexts = agentRounds(1, rounds).map(({ round, share }) => {
    const isOnce =
      isOpening(protocol, { agent, round }) ||
      (sharedCompanions && !reuse && hasEqualContexts(protocol, { agent, round, learner: agent }));
    return share / (isOnce ? samples : 1);
  });
  return rounds / sum(contexts);
}

/** Expected number of episodes of the same prompt in one of several minibatches, of shuffled episodes. */
function samplesPerMinibatch(samples: number, minibatches: number): number {
  const prompts = 1 - (1 - 1 / minibatches) ** samples; // share of the prompts with an episode in the minibatch
  return samples / minibatches / prompts;
}

/** Calls of a rollout in which no agent learns, so that no messages are shared. */
function episodeCalls(
  { agents, rounds, protocol }: WorkloadOptions,
  { prompts, samples }: { readonly prompts: number; readonly samples: number },
  times = 1,
): SamplingCall[] {
  if (prompts === 0) return [];
  return agentRounds(agents, rounds).map(({ agent, round, share }) => ({
    ...{ agent, round, times },
    messages: prompts * samples * share,
    contexts: prompts * (isOpening(protocol, { agent, round }) ? 1 : samples) * share,
  }));
}

function gateCalls(options: WorkloadOptions, prompts: number): SamplingCall[] {
  const whole = Math.floor(prompts / GATE_PROMPTS_AT_ONCE);
  const rest = prompts - whole * GATE_PROMPTS_AT_ONCE;
  return [
    ...episodeCalls(options, { prompts: GATE_PROMPTS_AT_ONCE, samples: 1 }, 2 * whole),
    ...episodeCalls(options, { prompts: rest, samples: 1 }, 2),
  ].filter(({ times }) => times > 0);
}

/** Calls of the rollouts of a stage. A message that all samples of a prompt share counts once. */
function rolloutCalls(options: WorkloadOptions): SamplingCall[] {
  const { agents, rounds, promptsPerStep: prompts, numGenerations: samples, protocol } = options;
  if (options.reuse) return episodeCalls(options, { prompts, samples });
  if (options.alone) return episodeCalls({ ...options, protocol: 'vote' }, { prompts, samples });
  return Array.from({ length: agents }, (_, learner) =>
    agentRounds(agents, rounds).map(({ agent, round, share }): SamplingCall => {
      // before the first message of the agent that learns, all samples of a prompt have the same context
      const isSame = hasEqualContexts(protocol, { agent, round, learner });
      const isShared = options.sharedCompanions && agent !== learner && isSame;
      const isOnce = isShared || isOpening(protocol, { agent, round });
      return {
        ...{ agent, round, times: 1 },
        messages: prompts * (isShared ? 1 : samples) * share,
        contexts: prompts * (isOnce || (options.sharedCompanions && isSame) ? 1 : samples) * share,
      };
    }),
  ).flat();
}

/**
 * Whether the context of an agent's message is the same in all samples of a prompt, if the companions of the
 * learner draw the same tokens in all samples.
 */
function hasEqualContexts(
  protocol: string,
  { agent, round, learner }: { readonly agent: number; readonly round: number; readonly learner: number },
): boolean {
  if (protocol === 'vote' || protocol === 'parts') return round === 0;
  const inTurn = protocol === 'relay' || protocol === 'router';
  return round === 0 && (!inTurn || agent <= learner);
}

/** Whether an agent's context has no messages of the episode. */
function isOpening(
  protocol: string,
  { agent, round }: { readonly agent: number; readonly round: number },
): boolean {
  const inTurn = protocol === 'relay' || protocol === 'router';
  return round === 0 && (!inTurn || agent === 0);
}

/** Every agent with each of its rounds. The last round has a share below 1 if `rounds` is not an integer. */
function agentRounds(
  agents: number,
  rounds: number,
): { readonly agent: number; readonly round: number; readonly share: number }[] {
  return Array.from({ length: Math.ceil(rounds) }, (_, round) =>
    Array.from({ length: agents }, (_, agent) => ({ agent, round, share: Math.min(1, rounds - round) })),
  ).flat();
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
