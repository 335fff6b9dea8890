/**
 * Sections of a team file about the task and the training. The descriptions are user documentation, which
 * `docs/config.md` and editors show. `schema.ts` fills in `order` and `ratio_norm`, because their defaults
 * depend on other fields.
 * @module
 */
import { z } from 'zod';
import { choice, flag, integer, number, numberOr, numberOrOff, show, text } from '../schema/fields.ts';
import { DEFAULT_BETA } from '../train/options.ts';

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
      .default(DEFAULT_BETA)
      .describe('Initial weight of the KL term, which adapts per agent. 0: no KL term.'),
  })
  .prefault({})
  .describe('The loss of one agent: clipped likelihood ratios of its messages and a KL term.');

export const trustRegionSection = z
  .strictObject({
    target_kl: number({ above: 0 })
      .default(0.3)
      .describe('Radius (delta): bound on the quantile of the exact KL per token state, nats.'),
    quantile: number({ above: 0, below: 1 }).default(0.99).describe('The bounded quantile, 1 - alpha.'),
    target_kl_message: numberOrOff({ above: 0 })
      .default(0.5)
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
