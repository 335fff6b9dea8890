/**
 * Sections of a team file. The descriptions are user documentation, which `docs/config.md` and editors show.
 * `schema.ts` fills in `order` and `ratio_norm`, because their defaults depend on other fields.
 * @module
 */
import { z } from 'zod';
import {
  choice,
  flag,
  integer,
  kindError,
  number,
  numberOr,
  numberOrOff,
  show,
  text,
} from '../schema/fields.ts';

export const engineSection = z
  .strictObject({
    kind: choice(['onnx', 'torch', 'ray'])
      .default('onnx')
      .describe(
        'Engine. onnx: embedded, on the CPU. torch: PyTorch in a Python process on this machine (docs/torch.md). ray: PyTorch on a Ray cluster (docs/cluster.md).',
      ),
    threads: integer({ min: 0, max: 256 })
      .default(0)
      .describe('Threads per operator; 0: one per core, at most 8.'),
    spinning: flag()
      .default(false)
      .describe(
        'Whether idle threads busy-wait: slightly faster on an idle machine, several times slower on a busy one.',
      ),
    token_budget: integer({ min: 64 })
      .default(4096)
      .describe('Maximum tokens of a micro-batch, including padding; limits memory.'),
    decode_batch: integer({ min: 1, max: 4096 })
      .default(128)
      .describe('Messages sampled concurrently; a finished message is replaced by the next one.'),
    lora_rank: integer({ min: 0, max: 1024 })
      .default(0)
      .describe(
        'Rank of LoRA adapters, which are trained instead of all weights; agents with the same base model share its weights in memory. 0: all weights are trained.',
      ),
    lora_alpha: number({ above: 0 })
      .optional()
      .describe(
        'Scale of the adapters: lora_alpha / lora_rank, or lora_alpha / sqrt(lora_rank) with lora_rslora. Default: twice lora_rank.',
      ),
    lora_target_modules: text()
      .default('all-linear')
      .describe(
        'Projections with adapters, separated by commas: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj. all-linear: all of them.',
      ),
    lora_rslora: flag().default(false).describe('Rank-stabilized scale of the adapters: alpha / sqrt(rank).'),
    base_dtype: choice(['auto', 'float32', 'bfloat16'])
      .default('auto')
      .describe(
        'Type of the shared base weights with adapters. auto: bfloat16 if the base has this type on disk and needs at least 3 GiB in float32, else float32.',
      ),
    activation_mib: integer({ min: 0 })
      .default(2048)
      .describe(
        'Memory for activations between forward and backward pass of a model that is too large for one graph, MiB; further layers are recomputed.',
      ),
  })
  .prefault({})
  .describe('The engine that runs the models.');

export const torchSection = z
  .strictObject({
    python: text('the path of a Python')
      .optional()
      .describe(
        'Python with PyTorch and Transformers: a name, or a path relative to the current folder. Default: $TROUPE_PYTHON, else that of "troupe worker install", else python3.',
      ),
    address: text('an address like http://127.0.0.1:8470')
      .optional()
      .describe(
        'Address of a running worker, which is used instead of starting one; $TROUPE_WORKER_TOKEN is its token.',
      ),
    device: text('a device of PyTorch')
      .optional()
      .describe(
        'Device of PyTorch: auto, cpu, cuda, cuda:1, ... Default: auto, which is a GPU if there is one.',
      ),
    dtype: choice(['float32', 'bfloat16'])
      .default('float32')
      .describe('Type of the computations; the optimizer always has float32 weights.'),
  })
  .optional()
  .describe('Settings of engine.kind torch (docs/torch.md).');

export const raySection = z
  .strictObject({
    address: text('an address')
      .default('auto')
      .describe(
        'auto: the Ray cluster of which this machine is a node. HOST:PORT: the head of a cluster. http://HOST:PORT: a running driver; $TROUPE_WORKER_TOKEN is its token. local: a new cluster on this machine, for this run only.',
      ),
    python: text('the path of a Python')
      .optional()
      .describe(
        'Python with Ray: a name, or a path relative to the current folder. Default: $TROUPE_PYTHON, else that of "troupe ray up", else python3.',
      ),
    cpus_per_agent: number({ min: 0, max: 1024 })
      .default(1)
      .describe('CPUs of the cluster per agent; also its number of threads, unless engine.threads is set.'),
    gpus_per_agent: number({ min: 0, max: 1024 })
      .default(0)
      .describe(
        'GPUs per agent. 0.5: two agents share a GPU. 0: CPUs only. 2 or more: the model is sharded over as many GPUs of one node.',
      ),
    ranks_per_agent: integer({ min: 0, max: 1024 })
      .default(0)
      .describe(
        'Processes of one node over which the model of an agent is sharded. 0: one per GPU, or one without GPUs.',
      ),
    placement: choice(['spread', 'pack'])
      .default('spread')
      .describe('spread: agents on as many nodes as possible. pack: on as few as possible.'),
    wait_seconds: number({ min: 0, max: 86_400 })
      .default(300)
      .describe('Maximum time to wait for busy resources and failed nodes, seconds.'),
    shared_files: flag()
      .default(false)
      .describe(
        'Whether model and run folders have the same paths on all nodes. false: files are copied to agents on other nodes and back.',
      ),
    dtype: choice(['float32', 'bfloat16'])
      .default('float32')
      .describe('Type of the computations; the optimizer always has float32 weights.'),
    num_cpus: integer({ min: 1, max: 1024 })
      .optional()
      .describe("With address local: CPUs of the cluster. Default: the machine's."),
    num_gpus: integer({ min: 0, max: 1024 })
      .optional()
      .describe("With address local: GPUs of the cluster. Default: the machine's."),
    object_store_mib: integer({ min: 80 })
      .optional()
      .describe("With address local: size of Ray's object store, MiB. Default: chosen by Ray."),
    temp_dir: text('a folder').optional().describe('With address local: folder of Ray. Default: /tmp/ray.'),
  })
  .optional()
  .describe('Settings of engine.kind ray (docs/cluster.md).');

export const samplerSection = z
  .strictObject({
    kind: choice(['auto', 'vllm', 'torch'])
      .default('auto')
      .describe(
        'vllm: vLLM, from python/troupe_worker/requirements-vllm.txt. torch: the trained model itself. auto: vllm on a GPU if it is installed and supports the architecture, else torch.',
      ),
    cache: number({ above: 0, max: 0.9 })
      .default(0.2)
      .describe('Share of the memory for models that the KV cache of vLLM may use.'),
  })
  .optional()
  .describe('The sampler with engine.kind torch or ray (docs/torch.md).');

const rounds = (fallback: number) => integer({ min: 1, max: 100 }).default(fallback);

/**
 * Schema of the section `protocol` in team files and serve files: the kind of the protocol and its options.
 */
export const protocolSchema = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z
        .literal('vote')
        .describe('All agents answer without seeing other answers; the plurality is the answer of the team.'),
    }),
    z.strictObject({
      kind: z
        .literal('parts')
        .describe(
          'Every agent writes one part of the answer without seeing the others; the answer is the parts in order.',
        ),
    }),
    z.strictObject({
      kind: z
        .literal('relay')
        .describe('One agent per turn, in order, on a shared transcript; the last message is the answer.'),
      rounds: rounds(1).describe('relay: messages per agent.'),
    }),
    z.strictObject({
      kind: z
        .literal('debate')
        .describe(
          'All agents answer in every round and see the answers of the previous round; the plurality of the last round wins.',
        ),
      rounds: rounds(2).describe('debate: number of rounds.'),
    }),
    z.strictObject({
      kind: z
        .literal('router')
        .describe(
          'One agent per turn, in order or at random, on a shared transcript; the last message is the answer.',
        ),
      turns: integer({ min: 1, max: 1000 })
        .optional()
        .describe('router: messages per episode. Default: the number of agents.'),
      order: choice(['round_robin', 'random'])
        .default('round_robin')
        .describe('router: round_robin: agents in order; random: a random agent at each turn.'),
      seed: integer({ min: 0 }).default(1).describe('router: seed of the random choices.'),
    }),
    z.strictObject({
      kind: z
        .literal('module')
        .describe('A custom protocol: path of a TypeScript module (docs/protocols.md).'),
      path: text('the path of a TypeScript module').describe(
        'module: TypeScript file whose default export `(agents) => protocol` creates the protocol.',
      ),
    }),
  ],
  { error: kindError(['vote', 'parts', 'relay', 'debate', 'router', 'module']) },
);

export const protocolSection = protocolSchema
  .prefault({ kind: 'vote' })
  .describe('Defines which agents act at each turn, what they see, and what the answer of the team is.');

export const taskSection = z
  .looseObject(
    {
      name: text('the name of a task')
        .optional()
        .describe("Name of the task; with `module` its name in reports (default: the module's)."),
      module: text('the path of a TypeScript module')
        .optional()
        .describe('A custom task: path of a TypeScript module, relative to this file (`troupe tasks init`).'),
    },
    { error: (issue) => `expected a section with the name of a task, got ${show(issue.input)}` },
  )
  .describe(
    'The task that the team learns; further keys are options of the task. Keys that end in `path` are files, relative to this file.',
  );

export const pretrainSection = z
  .strictObject({
    layers: integer({ min: 1, max: 256 }).default(3).describe('Decoder layers.'),
    hidden_size: integer({ min: 8 }).default(96).describe('Width of the residual stream.'),
    heads: integer({ min: 1 }).default(4).describe('Attention heads; divides hidden_size.'),
    kv_heads: integer({ min: 1 }).default(2).describe('Key-value heads; divides heads.'),
    intermediate_size: integer({ min: 8 }).default(256).describe('Inner width of the feed-forward layers.'),
    max_positions: integer({ min: 16 })
      .default(256)
      .describe('Maximum length of context plus message, tokens.'),
    steps: integer({ min: 1 })
      .default(400)
      .describe('Optimizer steps; few by default, so that reinforcement learning can improve the models.'),
    batch_size: integer({ min: 1 }).default(128).describe('Demonstrations per step.'),
    learning_rate: number({ above: 0 }).default(3e-3).describe('Peak learning rate of AdamW.'),
    weight_decay: number({ min: 0 }).default(0.01).describe('Decoupled weight decay.'),
    warmup_steps: integer({ min: 0 })
      .default(20)
      .describe('Steps of linear warm-up to the peak learning rate.'),
    seed: integer({ min: 0 }).default(1).describe('Seed of the first base model; model k has seed + k.'),
  })
  .prefault({})
  .describe("Pretraining of small base models on the task's demonstrations (`troupe pretrain`).");

export const trainSection = z
  .strictObject({
    stages: integer({ min: 0 })
      .default(20)
      .describe('Number of stages; every agent is updated once per stage.'),
    rollout_mode: choice(['fresh', 'reuse'])
      .default('fresh')
      .describe(
        'fresh: new episodes for every update; reuse: one batch per stage, reweighted by importance ratios.',
      ),
    order: choice(['static', 'random', 'reverse', 'greedy'])
      .optional()
      .describe(
        'Update order of the agents within a stage; greedy: largest predicted gain first, from train episodes (fresh: of the previous stage). Default: static with fresh, reverse with reuse.',
      ),
    prompts_per_step: integer({ min: 1 })
      .default(64)
      .describe('Prompts per update (fresh) or per stage (reuse).'),
    num_generations: integer({ min: 2, reason: 'one episode has no group to compare with' })
      .default(8)
      .describe('Episodes per prompt (G).'),
    temperature: number({ above: 0 }).default(1).describe('Sampling temperature; no top-p, no top-k.'),
    max_completion_length: integer({ min: 1 }).default(64).describe('Maximum tokens of a message.'),
    truncated: choice(['wrong', 'judge', 'mask'])
      .default('wrong')
      .describe(
        'Messages that were cut off at max_completion_length, without an end token. wrong: no answer: they get the lowest reward, do not count in votes, and end the episode of an interactive task. judge: the task judges their text. mask: as judge, and the loss leaves them out (overlong filtering of DAPO). Training, tests and evaluations use the same rule.',
      ),
    overlong_prompts: choice(['skip', 'error'])
      .default('skip')
      .describe(
        "Train and validation prompts that leave fewer than max_completion_length tokens of an agent's context. skip: they are never used, and are counted in a warning. error: the run does not start.",
      ),
    num_iterations: integer({ min: 1 }).default(1).describe('Passes over the batch per attempt.'),
    companions: choice(['shared', 'independent'])
      .default('shared')
      .describe(
        'Random draws of the teammates of the learning agent in the episodes of a prompt. shared: one draw per prompt (less noise, fewer samples; fresh rollouts only). independent: one draw per episode (the paper).',
      ),
    minibatch_size: integer({ min: 1 }).default(256).describe('Trajectories per optimizer step.'),
    save_steps: integer({ min: 1 }).default(1).describe('Stages between checkpoints.'),
    save_total_limit: integer({ min: 1 })
      .default(2)
      .describe('Number of newest checkpoints that are kept, besides the champion.'),
  })
  .prefault({})
  .describe('The stage loop.');

export const schemeSection = z
  .strictObject({
    update_schedule: choice(['sequential', 'simultaneous'])
      .default('sequential')
      .describe(
        'sequential: each agent learns from the team that includes the earlier updates of the stage; simultaneous: all agents learn from the team at the start of the stage.',
      ),
    credit: choice(['team', 'own'])
      .default('team')
      .describe(
        "team: every agent learns from the team's answer; own: every agent plays without teammates and learns from its own answer (vote, debate and parts, fresh rollouts).",
      ),
    state_weight: flag()
      .default(true)
      .describe(
        'Whether reused episodes also get a weight for the turns before an action (prefix weight); false: as in the paper.',
      ),
    estimator: choice(['group', 'gae', 'vtrace'])
      .default('group')
      .describe(
        'group: advantages relative to the other episodes of the prompt. gae and vtrace need a critic, which no engine supports; they are rejected.',
      ),
    gamma: number({ min: 0, max: 1 })
      .default(1)
      .describe('Discount per turn; must be 1 with estimator group.'),
    lam: number({ min: 0, max: 1 }).default(1).describe('Trace decay; must be 1 with estimator group.'),
    order_split: z
      .enum(['train', 'validation'], {
        error: ({ input }) =>
          `expected one of train, validation, got ${show(input)}${input === 'test' ? '; the split is now called validation' : ''}`,
      })
      .default('train')
      .describe(
        'Split of the prompts for a data-dependent update order; validation is rejected, because it would void the acceptance test.',
      ),
  })
  .prefault({})
  .describe('Training data of an update; the algorithms differ in these settings.');

export const lossSection = z
  .strictObject({
    epsilon: number({ above: 0, below: 1 }).default(0.2).describe('Clip width of the ratio.'),
    epsilon_high: number({ above: 0 })
      .optional()
      .describe('Clip width above 1 (DAPO: 0.28). Default: epsilon.'),
    dual_clip: numberOrOff({ above: 1 })
      .default(3)
      .describe('Upper bound of the ratio for negative advantages; off: no bound, as in the paper.'),
    ratio_norm: choice(['sum', 'mean'])
      .optional()
      .describe(
        'Log-ratio of a trajectory: sum over its tokens, or mean. Default: sum up to 500 tokens, else mean.',
      ),
    normalise: choice(['group', 'mean'])
      .default('group')
      .describe('Advantages: group divides by the standard deviation of the group, mean does not.'),
    advantage_clip: number({ above: 0 }).default(5).describe('Maximum absolute advantage.'),
    beta: number({ min: 0, max: 1000 })
      .default(0.001)
      .describe('Initial weight of the KL term, which adapts per agent. 0: no KL term.'),
  })
  .prefault({})
  .describe('The loss of one agent: clipped likelihood ratios of its messages and a KL term.');

export const trustRegionSection = z
  .strictObject({
    target_kl: number({ above: 0 })
      .default(0.01)
      .describe('Radius (delta): bound on the quantile of the exact KL per token state, nats.'),
    quantile: number({ above: 0, below: 1 }).default(0.99).describe('The bounded quantile, 1 - alpha.'),
    target_kl_message: numberOrOff({ above: 0 })
      .default(0.05)
      .describe('Bound on the mean KL of a whole message, nats; off: no bound, as in the paper.'),
    slack: choice(['none', 'dkw', 'binom'])
      .default('none')
      .describe(
        'Upper confidence bound of the quantile: none (paper), dkw (Dvoretzky-Kiefer-Wolfowitz), binom (order statistic).',
      ),
    slack_confidence: number({ above: 0, below: 1 })
      .default(0.05)
      .describe('Probability that this bound fails (eta).'),
    max_backtracks: integer({ min: 0, max: 50 })
      .default(5)
      .describe('Further attempts, each with a smaller step, before the update is rejected.'),
    step_shrink: numberOr('auto', { above: 0, max: 1 })
      .default('auto')
      .describe(
        'Factor of the learning rate per backtrack. auto: at most 0.5, and so small that the measured KL predicts an attempt inside the radius. 1: only beta grows, as in the paper.',
      ),
    gate: choice(['enforce', 'record'])
      .default('enforce')
      .describe(
        'enforce: updates that leave the trust region are undone; record: divergences are only measured, and beta is constant.',
      ),
  })
  .prefault({})
  .describe('Trust-region gate: every accepted update stays within its radius.');

export const optimizerSection = z
  .strictObject({
    learning_rate: number({ above: 0 }).default(1e-4).describe('Learning rate of AdamW.'),
    beta1: number({ min: 0, below: 1 }).default(0.9).describe('Decay rate of the first moment.'),
    beta2: number({ min: 0, below: 1 }).default(0.999).describe('Decay rate of the second moment.'),
    epsilon: number({ above: 0 })
      .default(1e-8)
      .describe('Added to the root of the second moment; 1e-2 turns Adam into a plain gradient step.'),
    weight_decay: number({ min: 0 }).default(0).describe('Decoupled weight decay.'),
    max_grad_norm: numberOrOff({ above: 0 })
      .default(1)
      .describe('Maximum norm of the gradient; larger gradients are scaled down.'),
    adapt_to_radius: flag()
      .default(true)
      .describe(
        'Whether the learning rate follows the radius: the first update of an agent measures a small step, which sets the scale of the learning rate; the scale grows while less than half of the radius is used, and stays reduced after backtracks.',
      ),
  })
  .prefault({})
  .describe('AdamW, one state per agent.');

export const gateSection = z
  .strictObject({
    kind: choice(['promotion', 'step', 'off'])
      .default('promotion')
      .describe(
        'promotion: test the team against the champion every few stages; step: test every update; off: no tests.',
      ),
    every: integer({ min: 1 }).default(5).describe('Stages between promotion tests.'),
    n_plan: integer({ min: 1 }).default(512).describe('Maximum paired prompts of one test.'),
    alpha: number({ above: 0, below: 1 })
      .default(0.05)
      .describe('Probability that any promotion of the run is wrong.'),
    tolerance: number({ min: 0 })
      .default(0.05)
      .describe('Loss of reward against the champion beyond which proved harm triggers a rollback.'),
  })
  .prefault({})
  .describe('Acceptance test: a sequential test of the gain on prompts that the update was not chosen on.');

export const certificateSection = z
  .strictObject({
    prompts: integer({ min: 0 })
      .default(0)
      .describe(
        'Validation prompts for the certificate of each accepted update (fresh, sequential) or of a stage; 0: no certificates. A positive bound needs hundreds of prompts.',
      ),
    confidence: number({ above: 0, below: 1 })
      .default(0.05)
      .describe("Probability that a stage's lower bound is wrong (delta_c)."),
    cap: number({ min: 1 })
      .default(2)
      .describe('Maximum weight of an episode (C); truncation can only lower the bound.'),
    paper_gamma: number({ min: 0, below: 1 })
      .default(0.99)
      .describe("Discount for the paper's bound, which is reported for information."),
  })
  .prefault({})
  .describe('Certificates: reported lower bounds on true gains, from prompts that no update was chosen on.');
