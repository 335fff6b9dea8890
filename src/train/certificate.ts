/**
 * Certificates: lower bounds on the gain of an accepted update or of a stage, computed from episodes of the
 * validation split.
 *
 * With fresh rollouts the bound of every accepted update is computed from its own validation prompts, played
 * by the team before the update; the stage's bound is the sum. If all agents learn from one batch (`reuse`)
 * or from the same team (`simultaneous`), the team at the start of the stage plays one set of validation
 * prompts, which is reweighted by all updates of the stage. No decision depends on these episodes, so the
 * bounds need no correction for a selection.
 *
 * Differs from the paper, whose certificate uses the data that the update was chosen on and can never be
 * positive at a discount factor gamma >= 1/2 (E51); the paper's value is recorded for information.
 * @module
 */
import {
  certifyStep,
  paperBound,
  type StepCertificate,
  type StepEvidence,
  stageLowerBound,
} from '../core/certificate.ts';
import type { ScoreParams, SnapshotId } from '../engine/engine.ts';
import type { Agent, Team } from '../team/team.ts';
import { type Batch, sequenceWeights } from './batch.ts';
import { scoreBatch } from './collect.ts';
import { type PhaseScope, progressOf, type RunContext } from './context.ts';
import { playEpisodes } from './episodes.ts';
import type { CertificateRecord } from './events.ts';
import { LogpScorer } from './logp-scorer.ts';
import { trainStream } from './streams.ts';

/** An accepted update; the model has the updated weights. */
export interface AcceptedStep {
  readonly agent: Agent;
  /** Snapshot of the model before the update (S0); not yet released. */
  readonly start: SnapshotId;
  /** Maximum KL(new || old) over the batch of the update, nats. */
  readonly klMax: number;
}

/** Computes the certificates (lower bounds on the gain) of one stage and its updates. */
export interface Certifier {
  /**
   * Returns the certificate of an update; undefined if the stage has a single certificate for all its
   * updates, or none.
   */
  step(accepted: AcceptedStep): Promise<CertificateRecord | undefined>;
  /** Returns the certificate of the stage; called after its last update. Undefined if the stage has none. */
  finish(): Promise<CertificateRecord | undefined>;
}

const NO_CERTIFICATE: Certifier = { step: async () => undefined, finish: async () => undefined };

/**
 * Creates the certifier of a stage, before its first update   (E61-E63, E66). A stage has no certificate if
 * `certificate.prompts` is 0, or if too few prompts of the validation split are left; no prompt is used twice.
 */
export async function createCertifier(context: RunContext, team: Team, stage: number): Promise<Certifier> {
  const { certificate, rolloutMode, updateSchedule } = context.options;
  if (certificate.prompts === 0) return NO_CERTIFICATE;
  const isShared = rolloutMode === 'reuse' || updateSchedule === 'simultaneous';
  const needed = certificate.prompts * (isShared ? 1 : team.agents.length);
  if ((context.prompts.validation.remaining ?? needed) < needed) {
    const message = 'this stage has no certificate: too few prompts of the validation split are left';
    context.emit({ kind: 'warning', stage, message });
    return NO_CERTIFICATE;
  }
  return isShared ? stageCertifier(context, team, stage) : stepCertifier(context, team, stage);
}

/**
 * Creates a certifier that computes a lower bound on the gain of every update, wrong with probability at most
 * delta_c / n, where n is the number of agents and delta_c the option `certificate.confidence`. The sum of
 * these bounds is a lower bound for the stage with probability at least 1 - delta_c.
 */
function stepCertifier(context: RunContext, team: Team, stage: number): Certifier {
  const { certificate } = context.options;
  const delta = certificate.confidence / team.agents.length;
  const steps: (PaperTerms & { readonly lower: number })[] = [];
  return {
    async step({ agent, start, klMax }) {
      const { model } = agent;
      const updated = await model.snapshot();
      await model.restore(start); // the episodes are played by the team before the update
      const batch = await playValidationEpisodes(context, team, { stage, agent: agent.id, scored: [agent] });
      await model.restore(updated);
      model.release(updated);
      await markChanged(context, batch, agent);
      const ownTurnTv = await turnTv(context, batch, { agent, start });
      const figures = certify(context, batch, { ownTurnTv, delta });
      const terms = { gain: figures.gainMean, zeta: figures.zeta, klMax };
      steps.push({ ...terms, lower: figures.gainLower });
      const { ownTurns, horizonPenalty, coupledHorizonPenalty } = figures;
      return {
        ...recordOf(context, figures, { delta, terms: [terms] }),
        ...{ ownTurns, horizonPenalty, coupledHorizonPenalty },
      };
    },
    async finish() {
      return {
        prompts: steps.length * certificate.prompts,
        delta: certificate.confidence,
        gainMean: steps.reduce((sum, { gain }) => sum + gain, 0),
        gainLower: stageLowerBound(steps.map(({ lower }) => lower)),
        paperBound: paperLower(context, steps),
      };
    },
  };
}

/**
 * Creates a certifier that computes one lower bound for all updates of a stage. It bounds the gain in expected
 * return from the team at the start of the stage to the team at its end. The importance weight of an episode
 * is the product of all updated agents' ratios of new to old policy (E62).
 */
async function stageCertifier(context: RunContext, team: Team, stage: number): Promise<Certifier> {
  const { confidence: delta } = context.options.certificate;
  const batch = await playValidationEpisodes(context, team, { stage, scored: team.agents });
  const klMax: number[] = [];
  return {
    async step(accepted) {
      await markChanged(context, batch, accepted.agent);
      klMax.push(accepted.klMax);
      return undefined;
    },
    async finish() {
      if (klMax.length === 0) return { prompts: 0, delta, gainMean: 0, gainLower: 0, paperBound: 0 };
      const figures = certify(context, batch, { ownTurnTv: { max: [], mean: [] }, delta });
      // The paper's bound is a sum over updates. Only the totals of the gain and of the bias zeta are known
      // here, so the first update gets the totals and the other updates get 0.
      const terms = klMax.map((kl, k) => ({
        klMax: kl,
        gain: k === 0 ? figures.gainMean : 0,
        zeta: k === 0 ? figures.zeta : 0,
      }));
      return recordOf(context, figures, { delta, terms });
    },
  };
}

/**
 * Plays one episode of the current team on each of the next validation prompts and computes the trainer's
 * logp of the messages (E9).
 */
async function playValidationEpisodes(
  context: RunContext,
  team: Team,
  { scored, ...scope }: PhaseScope & { readonly scored: readonly Agent[] },
): Promise<Batch> {
  const { options, prompts } = context;
  const trajectories = await playEpisodes(context, team, {
    stage: scope.stage,
    items: prompts.validation.take(options.certificate.prompts),
    samples: 1,
    stream: trainStream(options.seed, 'certificate', scope.stage, (scope.agent ?? -1) + 1),
    onProgress: progressOf(context, scope, 'gate'),
  });
  return scoreBatch(context, team, { trajectories, scorer: new LogpScorer(context, scored), scope });
}

/**
 * Computes the updated agent's log-probabilities on the batch, so that the episodes' importance weights
 * include its ratio of new to old policy (E10).
 */
async function markChanged(context: RunContext, batch: Batch, { id, model }: Agent): Promise<void> {
  batch.done.set(id, await model.forward(batch.own[id].messages, scoring(context)));
}

function certify(
  context: RunContext,
  batch: Batch,
  { ownTurnTv, delta }: Pick<StepEvidence, 'ownTurnTv'> & { readonly delta: number },
): StepCertificate {
  const [lo, hi] = context.task.rewardRange;
  return certifyStep(
    {
      weights_N: sequenceWeights(batch).logWeight_N.map(Math.exp),
      returns_N: batch.trajectories.map(({ reward }) => reward),
      ownTurnTv,
    },
    { lo, hi, cap: context.options.certificate.cap, delta },
  );
}

/**
 * Returns the maximum and the mean total variation distance (TV) of the agent's messages at its first,
 * second, ... turn in each episode. The TV of a message is at most the expected sum of its tokens' TVs (E8).
 * The sum is estimated from one sampled message, so the result is a diagnostic and not a bound.
 */
async function turnTv(
  context: RunContext,
  { own, trajectories }: Batch,
  { agent, start }: Pick<AcceptedStep, 'agent' | 'start'>,
): Promise<StepEvidence['ownTurnTv']> {
  const { messages, trajectoryOf } = own[agent.id];
  const { tv } = await agent.model.divergence(messages, start, scoring(context));
  // index of a trajectory -> number of the agent's turns counted so far
  const turnsOf = new Map<number, number>();
  const turns: number[][] = [];
  for (const [m, row] of tv.entries()) {
    const n = trajectoryOf[m];
    const turn = turnsOf.get(n) ?? 0;
    turnsOf.set(n, turn + 1);
    turns[turn] = [
      ...(turns[turn] ?? []),
      Math.min(
        1,
        row.reduce((sum, x) => sum + x, 0),
      ),
    ];
  }
  return {
    max: turns.map((values) => Math.max(...values)),
    mean: turns.map((values) => values.reduce((sum, x) => sum + x, 0) / trajectories.length),
  };
}

function recordOf(
  context: RunContext,
  { gainMean, gainLower, zeta, zetaUpper, effectiveSampleSize }: StepCertificate,
  { delta, terms }: { readonly delta: number; readonly terms: readonly PaperTerms[] },
): CertificateRecord {
  const { prompts } = context.options.certificate;
  return {
    ...{ prompts, delta, gainMean, gainLower, zeta, zetaUpper },
    essShare: effectiveSampleSize / prompts,
    paperBound: paperLower(context, terms),
  };
}

interface PaperTerms {
  readonly gain: number;
  readonly zeta: number;
  readonly klMax: number;
}

/**
 * Returns the paper's lower bound on the gain as printed (E50), with the largest advantage A_max set to the
 * span of the reward range and the discount factor gamma = `paperGamma`. The episodes are not discounted, but
 * the bound is -Infinity at gamma = 1. No decision uses the result.
 */
function paperLower({ options, task }: RunContext, steps: readonly PaperTerms[]): number {
  const { prompts, confidence, paperGamma: gamma } = options.certificate;
  const [lo, hi] = task.rewardRange;
  return paperBound({
    gain: steps.map(({ gain }) => gain),
    delta: steps.map(({ klMax }) => klMax),
    zeta: steps.map(({ zeta }) => zeta),
    trajectories: steps.map(() => prompts),
    ...{ gamma, aMax: hi - lo, confidence },
  }).lower;
}

function scoring({ options, signal }: RunContext): ScoreParams {
  return { temperature: options.temperature, ...(signal && { signal }) };
}
