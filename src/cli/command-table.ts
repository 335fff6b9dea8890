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
    about: 'prepare three small models, train them as a team, print the gain in accuracy',
    load: async () => (await import('./commands/quickstart.ts')).defineQuickstart,
  },
  train: {
    about: 'train a team by Sequential Agent Tuning',
    load: async () => (await import('./commands/train.ts')).defineTrain,
  },
  eval: {
    about: 'evaluate a team: avg@K, pass@K, maj@K with 95% intervals',
    load: async () => (await import('./commands/eval.ts')).defineEval,
  },
  show: {
    about: 'print transcripts of training or evaluation: prompt, messages, votes, verdict',
    load: async () => (await import('./commands/show.ts')).defineShow,
  },
  tasks: {
    about: 'list tasks, verifiers and benchmarks; create or check a task of your own',
    load: async () => (await import('./commands/tasks.ts')).defineTasks,
  },
  swap: {
    about: 'replace the model of one agent in a trained team, after a forecast and a test',
    load: async () => (await import('./commands/swap.ts')).defineSwap,
  },
  watch: {
    about: 'follow running and finished runs: a dashboard in the browser, a terminal view',
    load: async () => (await import('./commands/watch.ts')).defineWatch,
  },
  compare: {
    about: 'compare runs: curves, drops from stage to stage, paired differences on the same prompts',
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
    about: 'pretrain the base models of a team file on demonstrations of its task',
    load: async () => (await import('./commands/pretrain.ts')).definePretrain,
  },
  export: {
    about: 'write a trained team as plain Hugging Face folders or GGUF files, with a model card',
    load: async () => (await import('./commands/export.ts')).defineExport,
  },
  plan: {
    about: 'estimate memory, arithmetic, tokens and hours of a run before it starts',
    load: async () => (await import('./commands/plan.ts')).definePlan,
  },
  ray: {
    about: 'run models on a Ray cluster (docs/cluster.md)',
    load: async () => (await import('./commands/ray.ts')).defineRay,
  },
  worker: {
    about: 'run models on PyTorch (docs/torch.md): a worker for the teams of this machine',
    load: async () => (await import('./commands/worker.ts')).defineWorker,
  },
  doctor: {
    about: 'check this machine: Node, ONNX Runtime, cores, memory, disk',
    load: async () => (await import('./commands/doctor.ts')).defineDoctor,
  },
};
