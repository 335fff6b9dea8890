/**
 * The sections of a team file. Descriptions here are the documentation: `--help`, `docs/config.md` and
 * editors show them. Defaults are those of the method (`order` and `ratio_norm` depend on other
 * fields and are filled in by `schema.ts`).
 * @module
 */
import { z } from 'zod';
import { choice, flag, integer, kindComplaint, number, numberOrOff, show, text } from './fields.ts';

export const engineSection = z
  .strictObject({
    kind: choice(['onnx', 'torch', 'ray'])
      .default('onnx')
      .describe(
        'What runs the models. onnx: embedded, CPU. torch: PyTorch in a Python process beside this one (docs/torch.md). ray: PyTorch on a Ray cluster (docs/cluster.md).',
      ),
    threads: integer({ min: 0, max: 256 })
      .default(0)
      .describe('Threads of one operator; 0: one per core, at most 8.'),
    spinning: flag()
      .default(false)
      .describe(
        'Whether idle threads spin: a little faster on an idle machine, several times slower on a busy one.',
      ),
    token_budget: integer({ min: 64 })
      .default(4096)
      .describe('Most tokens, padding included, of one micro-batch; bounds memory.'),
    decode_batch: integer({ min: 1, max: 4096 })
      .default(128)
      .describe('Messages sampled at once; a finished one is replaced at once.'),
    lora_rank: integer({ min: 0, max: 1024 })
      .default(0)
      .describe(
        'Rank of the adapters that are trained in place of all weights; agents with the same base share it in memory. 0: all weights are trained.',
      ),
    lora_alpha: number({ above: 0 })
      .default(32)
      .describe('Scale of the adapters: lora_alpha / lora_rank, or over its root with lora_rslora.'),
    lora_target_modules: text()
      .default('all-linear')
      .describe(
        'Projections with an adapter, separated by commas: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj. all-linear: all of them.',
      ),
    lora_rslora: flag().default(false).describe('Rank-stabilised scale: alpha over the root of the rank.'),
    base_dtype: choice(['auto', 'float32', 'bfloat16'])
      .default('auto')
      .describe(
        'How the matrices of a base that adapters share are kept. auto: in 16 bits where the base would take more than 3 GiB and loses nothing by it.',
      ),
    activation_mib: integer({ min: 0 })
      .default(2048)
      .describe(
        'Activations kept between forward and backward where a model is too large for one graph, MiB; layers beyond it are computed again.',
      ),
  })
  .prefault({})
  .describe('The model backend.');

export const torchSection = z
  .strictObject({
    python: text('the path of a Python')
      .optional()
      .describe(
        'The Python that has PyTorch and Transformers: a name, or a path from where troupe is started. Default: $TROUPE_PYTHON, else that of "troupe worker install", else python3.',
      ),
    address: text('an address like http://127.0.0.1:8470')
      .optional()
      .describe(
        'A worker that is running already, instead of one of our own; its token is in $TROUPE_WORKER_TOKEN.',
      ),
    device: text('a device of PyTorch')
      .optional()
      .describe('auto, cpu, cuda, cuda:1 and the like. Default: auto, a GPU where there is one.'),
    dtype: choice(['float32', 'bfloat16'])
      .default('float32')
      .describe('What models compute with; the optimizer works on float32 weights always.'),
  })
  .optional()
  .describe('Where models run with engine.kind torch (docs/torch.md).');

export const raySection = z
  .strictObject({
    address: text('an address')
      .default('auto')
      .describe(
        'auto: the Ray cluster this machine is a node of. HOST:PORT: of its head. http://HOST:PORT: a running driver; its token is in $TROUPE_WORKER_TOKEN. local: a cluster of this machine, for this run alone.',
      ),
    python: text('the path of a Python')
      .optional()
      .describe(
        'The Python that has Ray: a name, or a path from where troupe is started. Default: $TROUPE_PYTHON, else that of "troupe ray up", else python3.',
      ),
    cpus_per_agent: number({ min: 0, max: 1024 })
      .default(1)
      .describe('CPUs of the cluster for each agent; its threads, unless engine.threads says otherwise.'),
    gpus_per_agent: number({ min: 0, max: 1024 })
      .default(0)
      .describe(
        'GPUs for each agent. 0.5: two agents share a card. 0: CPUs only. 2 and more: the model is dealt out among as many cards of one node.',
      ),
    ranks_per_agent: integer({ min: 0, max: 1024 })
      .default(0)
      .describe(
        'Processes of one node that the model of an agent is dealt out among, with its CPUs. 0: one for each of its GPUs, else one.',
      ),
    placement: choice(['spread', 'pack'])
      .default('spread')
      .describe('Agents on as many nodes as there are, or on as few as can hold them.'),
    wait_seconds: number({ min: 0, max: 86_400 })
      .default(300)
      .describe('How long resources that others use, or nodes that died, are waited for.'),
    shared_files: flag()
      .default(false)
      .describe(
        'Whether model and run folders have the same paths on all nodes. false: their files travel to agents on other nodes and back.',
      ),
    dtype: choice(['float32', 'bfloat16'])
      .default('float32')
      .describe('What models compute with; the optimizer works on float32 weights always.'),
    num_cpus: integer({ min: 1, max: 1024 })
      .optional()
      .describe("With address local: CPUs of the cluster. Default: the machine's."),
    num_gpus: integer({ min: 0, max: 1024 })
      .optional()
      .describe("With address local: GPUs of the cluster. Default: the machine's."),
    object_store_mib: integer({ min: 80 })
      .optional()
      .describe("With address local: memory for what passes between processes, MiB. Default: Ray's choice."),
    temp_dir: text('a folder').optional().describe("With address local: Ray's folder. Default: /tmp/ray."),
  })
  .optional()
  .describe('Where models run with engine.kind ray (docs/cluster.md).');

export const samplerSection = z
  .strictObject({
    kind: choice(['auto', 'vllm', 'torch'])
      .default('auto')
      .describe(
        'vllm: vLLM, which comes with python/troupe_worker/requirements-vllm.txt. torch: the model that is trained. auto: vllm on a GPU where it is installed and knows the architecture, else torch.',
      ),
    cache: number({ above: 0, max: 0.9 })
      .default(0.2)
      .describe('Share of the memory for models that the keys and values of vLLM may take.'),
  })
  .optional()
  .describe('What draws messages with engine.kind torch or ray (docs/torch.md).');

/** Whatever a template looks at: `enable_thinking`, `date_string`. */
export function templateKwargs(description: string) {
  return z
    .record(z.string(), z.unknown(), {
      error: (issue) => `expected a section of template switches, got ${show(issue.input)}`,
    })
    .describe(description);
}

export const agentSchema = z.strictObject({
  name: text().optional().describe('Name in reports. Default: agent_0, agent_1, ...'),
  model: text('a model folder')
    .optional()
    .describe(
      'Hugging Face folder of this agent, relative to this file, or a model of the hub: hf:OWNER/NAME@REVISION. Default: `base`.',
    ),
  instruction: text().optional().describe('System message of this agent. Default: none.'),
  chat_template_kwargs: templateKwargs(
    "Switches of this agent's chat template, over those for all agents.",
  ).optional(),
});

const rounds = (fallback: number) => integer({ min: 1, max: 100 }).default(fallback);

export const protocolSection = z
  .discriminatedUnion(
    'kind',
    [
      z.strictObject({
        kind: z.literal('vote').describe('All answer at once, unseen by each other; the plurality wins.'),
      }),
      z.strictObject({
        kind: z
          .literal('parts')
          .describe('All write one part at once, unseen by each other; the answer is the parts in order.'),
      }),
      z.strictObject({
        kind: z
          .literal('relay')
          .describe('Agents speak in turn over a shared transcript; the last message is the answer.'),
        rounds: rounds(1).describe('relay: how often every agent speaks.'),
      }),
      z.strictObject({
        kind: z
          .literal('debate')
          .describe('All answer at once, in rounds, each seeing the round before; then a vote.'),
        rounds: rounds(2).describe('debate: rounds of answers.'),
      }),
      z.strictObject({
        kind: z.literal('router').describe('One agent per turn over a shared transcript.'),
        turns: integer({ min: 1, max: 1000 })
          .optional()
          .describe('router: messages per episode. Default: one per agent.'),
        order: choice(['round_robin', 'random'])
          .default('round_robin')
          .describe('router: agents in order, or any agent each turn.'),
        seed: integer({ min: 0 }).default(1).describe('router: names the random choices.'),
      }),
    ],
    { error: kindComplaint(['vote', 'parts', 'relay', 'debate', 'router']) },
  )
  .prefault({ kind: 'vote' })
  .describe('Which agents act at each turn, and what they see.');

export const taskSection = z
  .looseObject(
    {
      name: text('the name of a task')
        .optional()
        .describe("Name of the task; with module what it is called in reports (default: the module's)."),
      module: text('the path of a TypeScript module')
        .optional()
        .describe('A task of your own: one TypeScript module, relative to this file (`troupe tasks init`).'),
    },
    { error: (issue) => `expected a section with the name of a task, got ${show(issue.input)}` },
  )
  .describe(
    'What the team learns; further keys are options of that task. Keys that end in `path` are files, relative to this one.',
  );

export const pretrainSection = z
  .strictObject({
    layers: integer({ min: 1, max: 256 }).default(3).describe('Decoder layers.'),
    hidden_size: integer({ min: 8 }).default(96).describe('Width of the residual stream.'),
    heads: integer({ min: 1 }).default(4).describe('Attention heads; divides hidden_size.'),
    kv_heads: integer({ min: 1 }).default(2).describe('Key-value heads; divides heads.'),
    intermediate_size: integer({ min: 8 }).default(256).describe('Inner width of the feed-forward.'),
    max_positions: integer({ min: 16 }).default(256).describe('Longest context plus message, in tokens.'),
    steps: integer({ min: 1 }).default(400).describe('Optimiser steps; few on purpose, so that RL has room.'),
    batch_size: integer({ min: 1 }).default(128).describe('Demonstrations per step.'),
    learning_rate: number({ above: 0 }).default(3e-3).describe('Peak learning rate of AdamW.'),
    weight_decay: number({ min: 0 }).default(0.01).describe('Decoupled weight decay.'),
    warmup_steps: integer({ min: 0 }).default(20).describe('Steps until the learning rate is at its peak.'),
    seed: integer({ min: 0 }).default(1).describe('Seed of the first base model; the k-th uses seed + k.'),
  })
  .prefault({})
  .describe("Small base models from scratch, on the task's demonstrations (`troupe pretrain`).");

export const rewardSection = z
  .strictObject({
    agent: number({ min: 0, max: 1 })
      .default(0)
      .describe("Share of the members' own mean verdict in the team reward; vote, debate and parts only."),
  })
  .prefault({})
  .describe('The team reward.');

export const trainSection = z
  .strictObject({
    stages: integer({ min: 0 }).default(20).describe('Stages; every agent is updated once in each.'),
    rollout_mode: choice(['fresh', 'reuse'])
      .default('fresh')
      .describe(
        'fresh: new episodes before every agent step; reuse: one batch per stage, reweighted by importance ratios.',
      ),
    order: choice(['static', 'random', 'reverse', 'greedy'])
      .optional()
      .describe(
        'Order of agents within a stage; greedy: largest predicted gain first, from train episodes (fresh: of the stage before). Default: static when fresh, reverse when reuse.',
      ),
    prompts_per_step: integer({ min: 1 })
      .default(64)
      .describe('Prompts per agent step (fresh) or per stage (reuse).'),
    num_generations: integer({ min: 2, reason: 'one episode has no group to compare with' })
      .default(8)
      .describe('G, episodes per prompt.'),
    temperature: number({ above: 0 }).default(1).describe('Sampling temperature; no top-p, no top-k.'),
    max_completion_length: integer({ min: 1 }).default(64).describe('Most tokens of one message.'),
    num_iterations: integer({ min: 1 })
      .default(1)
      .describe('Passes over the batch per attempt at an update.'),
    companions: choice(['shared', 'independent'])
      .default('shared')
      .describe(
        'What teammates of the learning agent do in the episodes of one prompt: shared draws once per prompt (less noise, fewer samples; fresh rollouts only), independent once per episode (the paper).',
      ),
    minibatch_size: integer({ min: 1 }).default(256).describe('Trajectories per optimiser step.'),
    save_steps: integer({ min: 1 }).default(1).describe('Checkpoint every this many stages.'),
    save_total_limit: integer({ min: 1 })
      .default(2)
      .describe('Newest checkpoints that are kept; the champion is kept besides.'),
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
        "team: every agent learns from the team's answer; own: each plays alone and learns from its own answer (vote, debate and parts, fresh rollouts).",
      ),
    state_weight: flag()
      .default(true)
      .describe(
        'Whether reused episodes also get a weight for the turns before an action (prefix weight); false: as in the paper.',
      ),
    estimator: choice(['group', 'gae', 'vtrace'])
      .default('group')
      .describe(
        'group: advantages relative to the other episodes of the prompt. gae and vtrace need a critic, which no engine here has; they are refused.',
      ),
    gamma: number({ min: 0, max: 1 }).default(1).describe('Discount per turn; 1 with estimator group.'),
    lam: number({ min: 0, max: 1 }).default(1).describe('Trace decay; 1 with estimator group.'),
    order_split: choice(['train', 'validation'])
      .default('train')
      .describe(
        'Prompts that a data-dependent order is chosen on; validation is refused, because it would void the acceptance test.',
      ),
  })
  .prefault({})
  .describe('What an update learns from; the algorithms differ in it.');

export const lossSection = z
  .strictObject({
    epsilon: number({ above: 0, below: 1 }).default(0.2).describe('Clip width of the ratio.'),
    epsilon_high: number({ above: 0 })
      .optional()
      .describe('Clip width above 1, where it differs (DAPO: 0.28). Default: epsilon.'),
    dual_clip: numberOrOff({ above: 1 })
      .default(3)
      .describe('Bound on the ratio where the advantage is negative; off: as in the paper.'),
    ratio_norm: choice(['sum', 'mean'])
      .optional()
      .describe(
        'Log-ratio of a trajectory: sum over its tokens, or mean. Default: sum up to 500 tokens, else mean.',
      ),
    normalise: choice(['group', 'mean'])
      .default('group')
      .describe('Advantages: group divides by the standard deviation of the group, mean does not.'),
    advantage_clip: number({ above: 0 }).default(5).describe('Largest advantage, absolute.'),
    beta: number({ min: 0, max: 1000 })
      .default(0.001)
      .describe('Initial weight of the KL term; adapts per agent. 0: off, and stays off.'),
  })
  .prefault({})
  .describe('The loss of one agent: clipped likelihood ratios of its messages and a KL term.');

export const trustRegionSection = z
  .strictObject({
    target_kl: number({ above: 0 })
      .default(0.01)
      .describe('delta, radius on the quantile of the exact per-state KL, nats.'),
    quantile: number({ above: 0, below: 1 }).default(0.99).describe('Which quantile, 1 - alpha.'),
    target_kl_message: numberOrOff({ above: 0 })
      .default(0.05)
      .describe('Cap on the mean KL of a whole message, nats; off: as in the paper.'),
    slack: choice(['none', 'dkw', 'binom'])
      .default('none')
      .describe(
        'Upper confidence bound of the quantile: none (paper), dkw (Dvoretzky-Kiefer-Wolfowitz), binom (order statistic).',
      ),
    slack_confidence: number({ above: 0, below: 1 })
      .default(0.05)
      .describe('eta, how often that bound may fail.'),
    max_backtracks: integer({ min: 0, max: 50 })
      .default(5)
      .describe('Further attempts, each with a smaller step, before the update is rejected.'),
    step_shrink: number({ above: 0, max: 1 })
      .default(0.5)
      .describe('Factor on the step per backtrack; 1: only beta grows, as in the paper.'),
    gate: choice(['enforce', 'record'])
      .default('enforce')
      .describe(
        'enforce: no update that leaves the region is kept; record: measured only, and beta stays as it is.',
      ),
  })
  .prefault({})
  .describe('Trust-region gate: every accepted update stays within its radius.');

export const optimizerSection = z
  .strictObject({
    learning_rate: number({ above: 0 }).default(1e-4).describe('Learning rate of AdamW.'),
    beta1: number({ min: 0, below: 1 }).default(0.9).describe('Memory of the first moment.'),
    beta2: number({ min: 0, below: 1 }).default(0.999).describe('Memory of the second moment.'),
    epsilon: number({ above: 0 })
      .default(1e-8)
      .describe('Added to the root of the second moment; 1e-2 turns Adam into a plain gradient step.'),
    weight_decay: number({ min: 0 }).default(0).describe('Decoupled weight decay.'),
    max_grad_norm: numberOrOff({ above: 0 }).default(1).describe('The gradient is scaled down to this norm.'),
    adapt_to_radius: flag()
      .default(true)
      .describe('Let the step grow while less than half of the radius is used, and shrink with backtracks.'),
  })
  .prefault({})
  .describe('AdamW, one state per agent.');

export const gateSection = z
  .strictObject({
    kind: choice(['promotion', 'step', 'off'])
      .default('promotion')
      .describe('promotion: prove the team against its champion now and then; step: test every update; off.'),
    every: integer({ min: 1 }).default(5).describe('Stages between promotion tests.'),
    n_plan: integer({ min: 1 }).default(512).describe('Most paired prompts of one test.'),
    alpha: number({ above: 0, below: 1 })
      .default(0.05)
      .describe('Probability that any promotion of the run is wrong.'),
    tolerance: number({ min: 0 })
      .default(0.05)
      .describe('Loss of reward against the champion that triggers a roll-back.'),
  })
  .prefault({})
  .describe('Acceptance test: a sequential test of the gain on prompts that the update was not chosen on.');

export const certificateSection = z
  .strictObject({
    prompts: integer({ min: 0 })
      .default(0)
      .describe(
        'Validation prompts behind the reported lower bound of each accepted update (fresh, sequential) or of a stage; 0: none is reported. Hundreds are needed for a bound above 0.',
      ),
    confidence: number({ above: 0, below: 1 })
      .default(0.05)
      .describe("How often a stage's lower bound may be wrong (delta_c)."),
    cap: number({ min: 1 })
      .default(2)
      .describe('C, largest weight of an episode; truncation only lowers the bound.'),
    paper_gamma: number({ min: 0, below: 1 })
      .default(0.99)
      .describe("Discount at which the paper's bound is quoted, for information."),
  })
  .prefault({})
  .describe(
    'The reported certificate: lower bounds on true gains, from prompts that no update was chosen on.',
  );
