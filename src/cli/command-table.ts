/**
 * The commands by name. Each entry has the description that `--help` prints, so that help does not load the
 * commands.
 * @module
 */
import type { DefineCommand } from './command.ts';

export interface ListedCommand {
  /**
   * Description in `--help`. A test checks that it equals the description in the command's own definition.
   */
  readonly about: string;
  readonly load: () => Promise<DefineCommand>;
}

/** In the order of help. */
export const COMMANDS: Readonly<Record<string, ListedCommand>> = {
  quickstart: {
    about: 'prepare three small models, train them as a team, show what it was worth',
    load: async () => (await import('./commands/quickstart.ts')).defineQuickstart,
  },
  train: {
    about: 'train a team by Sequential Agent Tuning',
    load: async () => (await import('./commands/train.ts')).defineTrain,
  },
  eval: {
    about: 'measure a team: avg@K, pass@K, maj@K with 95% intervals',
    load: async () => (await import('./commands/eval.ts')).defineEval,
  },
  show: {
    about: 'transcripts of training or evaluation: prompt, messages, votes, verdict',
    load: async () => (await import('./commands/show.ts')).defineShow,
  },
  tasks: {
    about: 'list tasks, verifiers and benchmarks; start or check one of your own',
    load: async () => (await import('./commands/tasks.ts')).defineTasks,
  },
  swap: {
    about: 'put another model into one seat of a trained team, and say first whether it helps',
    load: async () => (await import('./commands/swap.ts')).defineSwap,
  },
  watch: {
    about: 'look at runs while they train and afterwards: a dashboard in the browser',
    load: async () => (await import('./commands/watch.ts')).defineWatch,
  },
  compare: {
    about: 'runs side by side: curves, falls from stage to stage, paired differences on the same prompts',
    load: async () => (await import('./commands/compare.ts')).defineCompare,
  },
  theory: {
    about:
      'check every claim about the algorithm on exact worlds; exit 1 if a result differs from its prediction',
    load: async () => (await import('./commands/theory.ts')).defineTheory,
  },
  serve: {
    about: 'serve a team as one model behind the OpenAI API, with a chat page at /',
    load: async () => (await import('./commands/serve.ts')).defineServe,
  },
  pretrain: {
    about: "train the base models a team file names, on its task's demonstrations",
    load: async () => (await import('./commands/pretrain.ts')).definePretrain,
  },
  export: {
    about: 'write a trained team as plain Hugging Face folders, with a model card',
    load: async () => (await import('./commands/export.ts')).defineExport,
  },
  plan: {
    about: 'memory, arithmetic, tokens and hours of a run, before anything runs',
    load: async () => (await import('./commands/plan.ts')).definePlan,
  },
  ray: {
    about: 'models on a Ray cluster (docs/cluster.md)',
    load: async () => (await import('./commands/ray.ts')).defineRay,
  },
  worker: {
    about: 'models on PyTorch (docs/torch.md): a worker that teams on this machine use',
    load: async () => (await import('./commands/worker.ts')).defineWorker,
  },
  doctor: {
    about: 'check this machine: Node, ONNX Runtime, cores, memory, disk',
    load: async () => (await import('./commands/doctor.ts')).defineDoctor,
  },
};
