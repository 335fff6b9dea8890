import type { WorkloadOptions } from '../workload.ts';

/** Settings of `recipes/quickstart.yaml` that determine the workload. */
export const QUICKSTART: WorkloadOptions = {
  agents: 3,
  protocol: 'vote',
  rounds: 1,
  stages: 15,
  reuse: false,
  simultaneous: false,
  sharedCompanions: true,
  alone: false,
  promptsPerStep: 64,
  numGenerations: 8,
  numIterations: 1,
  minibatchSize: 128,
  klTerm: true,
  probes: false,
  stagePrompts: 0,
  certificatePrompts: 0,
  saveSteps: 1,
  gate: { prompts: 300, every: 5 },
  evaluation: { prompts: 500, samples: 2, contestants: { least: 3, most: 4 } },
};
