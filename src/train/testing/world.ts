/**
 * Teams of tabular models for the letter task, and options with which they learn in a second.
 * @module
 */
import { createTabularModel, type TabularModel } from '../../engine/tabular/model.ts';
import type { Agent, Protocol, Team } from '../../team/team.ts';
import { createContext as createRunContext, type RunContext } from '../context.ts';
import type { RunEvent } from '../events.ts';
import type { TrainOptions } from '../options.ts';
import { initialState } from '../state.ts';
import { createLetterTask, LETTERS } from './letter-task.ts';

/** A team of tabular models, whose logits tests can read and set. */
export interface TabularTeam extends Team {
  readonly agents: readonly (Agent & { readonly model: TabularModel })[];
}

/** Creates a team whose agents have different random logits. */
export function createTeam(protocol: Protocol, agents: number, seed = 1): TabularTeam {
  return {
    protocol,
    agents: Array.from({ length: agents }, (_, id) => ({
      id,
      name: `table ${id}`,
      model: createTabularModel({ alphabet: LETTERS, prior: { scale: 0.5, seed: 100 * seed + id } }),
    })),
  };
}

/** Sets the logits so that every agent prefers the letter at distance `shift` from the prompt's, by `strength` nats. */
export function teach(team: TabularTeam, shift: number, strength = 3): void {
  const end = LETTERS.length;
  for (const { model } of team.agents)
    for (let prompt = 0; prompt < LETTERS.length; prompt++) {
      const logits = new Float64Array(end + 1);
      logits[(prompt + shift) % LETTERS.length] = strength;
      model.setLogits([prompt, end], logits);
    }
}

/**
 * Options that replace those of {@link trainOptions}. Within a section only the given options are replaced.
 */
export type OptionChanges = Omit<Partial<TrainOptions>, Section> & {
  readonly [K in Section]?: Partial<TrainOptions[K]>;
};

type Section = 'trustRegion' | 'optimizer' | 'gate' | 'certificate';

export function trainOptions(changes: OptionChanges = {}): TrainOptions {
  const { trustRegion, optimizer, gate, certificate, ...rest } = changes;
  return {
    seed: 1,
    stages: 10,
    rolloutMode: 'fresh',
    order: 'static',
    updateSchedule: 'sequential',
    credit: 'team',
    stateWeight: true,
    promptsPerStep: 16,
    numGenerations: 8,
    temperature: 1,
    maxCompletionLength: 2,
    truncated: 'judge', // sampled letters need not end
    numIterations: 1,
    minibatchSize: 64,
    epsilon: 0.2,
    dualClip: 3,
    ratioNorm: 'sum',
    normalise: 'group',
    advantageClip: 5,
    beta: 0.001,
    agentReward: 0,
    saveSteps: 2,
    stageEvaluationPrompts: 0,
    evalPrompts: 0,
    trustRegion: {
      targetKl: 0.1,
      quantile: 0.99,
      targetKlMessage: 0.2,
      slack: 'none',
      slackConfidence: 0.05,
      maxBacktracks: 5,
      stepShrink: 0.5,
      gate: 'enforce',
      ...trustRegion,
    },
    optimizer: {
      learningRate: 0.1,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-3,
      weightDecay: 0,
      maxGradNorm: 1,
      adaptToRadius: false,
      ...optimizer,
    },
    certificate: { prompts: 0, confidence: 0.05, cap: 2, paperGamma: 0.99, ...certificate },
    gate: { kind: 'off', every: 5, nPlan: 200, alpha: 0.05, tolerance: 0.05, ...gate },
    ...rest,
  };
}

/** A run context that collects the emitted events. */
export interface TestContext extends RunContext {
  readonly events: RunEvent[];
}

export function createContext(team: Team, options: TrainOptions, task = createLetterTask()): TestContext {
  const events: RunEvent[] = [];
  const context = createRunContext({
    task,
    options,
    state: initialState(team.agents.length, options.beta),
    emit: (event) => void events.push(event),
    transcribe() {},
  });
  return { ...context, events };
}
