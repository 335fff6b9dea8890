/**
 * The reported certificate: what held-out episodes say about the gain of an accepted update, and of a
 * whole stage. With fresh rollouts every accepted step is judged on validation prompts of its own, played by the
 * team before the step, and the stage's bound is the sum. Where one batch serves all (`reuse`) or all learn
 * from the same team (`simultaneous`), one set of validation prompts is played by the stage's start and weighted
 * by everything that changed since. These episodes choose nothing, so no bound has to cover a choice.
 * Differs from the paper, whose certificate is computed from the data the update was chosen on and can
 * never be positive at gamma >= 1/2 (E51); its figure is recorded as information.
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

/** An accepted update, its weights in place. */
export interface AcceptedStep {
  readonly agent: Agent;
  /** S0, not released yet. */
  readonly start: SnapshotId;
  /** Largest KL(new || old) seen in training, nats. */
  readonly klMax: number;
}

/** Follows one stage. */
export interface Certifier {
  /** Figures of a step; undefined where the certificate is one for the whole stage, or there is none. */
  step(accepted: AcceptedStep): Promise<CertificateRecord | undefined>;
  /** Figures of the stage, after its last update. */
  finish(): Promise<CertificateRecord | undefined>;
}

const NO_CERTIFICATE: Certifier = { step: async () => undefined, finish: async () => undefined };

/**
 * Begins a stage, while the team is still pi_old   (E61-E63, E66). A stage has no certificate if the run
 * asks for none (`certificate.prompts` 0), or if the validation split holds too few prompts for it: each serves
 * once.
 */
export async function createCertifier(context: RunContext, team: Team, stage: number): Promise<Certifier> {
  const { certificate, rolloutMode, updateSchedule } = context.options;
  if (certificate.prompts === 0) return NO_CERTIFICATE;
  const isShared = rolloutMode === 'reuse' || updateSchedule === 'simultaneous';
  const needed = certificate.prompts * (isShared ? 1 : team.agents.length);
  if ((context.prompts.validation.remaining ?? needed) < needed) {
    const message = 'the validation split holds too few prompts for a certificate of this stage; it has none';
    context.emit({ kind: 'warning', stage, message });
    return NO_CERTIFICATE;
  }
  return isShared ? stageCertifier(context, team, stage) : stepCertifier(context, team, stage);
}

/** A step at a time, each at level delta_c / n: their sum holds for the stage with probability 1 - delta_c. */
function stepCertifier(context: RunContext, team: Team, stage: number): Certifier {
  const { certificate } = context.options;
  const delta = certificate.confidence / team.agents.length;
  const steps: (PaperTerms & { readonly lower: number })[] = [];
  return {
    async step({ agent, start, klMax }) {
      const { model } = agent;
      const updated = await model.snapshot();
      await model.restore(start); // the episodes are those of the team before the step
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

/** E62 with the full ratio of the stage, w = prod over changed agents, gives J(pi_bar) - J(pi_old) at once. */
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
      // the paper adds steps; gain and bias of all of them are known together only
      const terms = klMax.map((kl, k) => ({
        klMax: kl,
        gain: k === 0 ? figures.gainMean : 0,
        zeta: k === 0 ? figures.zeta : 0,
      }));
      return recordOf(context, figures, { delta, terms });
    },
  };
}

/** One episode on each of the next validation prompts, by the team as it is now, scored (E9). */
async function playValidationEpisodes(
  context: RunContext,
  team: Team,
  { scored, ...place }: PhaseScope & { readonly scored: readonly Agent[] },
): Promise<Batch> {
  const { options, prompts } = context;
  const trajectories = await playEpisodes(context, team, {
    stage: place.stage,
    items: prompts.validation.take(options.certificate.prompts),
    samples: 1,
    stream: trainStream(options.seed, 'certificate', place.stage, (place.agent ?? -1) + 1),
    onProgress: progressOf(context, place, 'gate'),
  });
  return scoreBatch(context, team, { trajectories, scores: new LogpScorer(context, scored), place });
}

/** From here on the agent's ratio enters the weights of the batch (E10). */
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
 * Largest and mean TV of the agent's messages at its first, second, ... own turn. A message's TV is at most
 * the expected sum of its tokens' (E8), of which one sample was drawn: a diagnostic, not a bound.
 */
async function turnTv(
  context: RunContext,
  { own, trajectories }: Batch,
  { agent, start }: Pick<AcceptedStep, 'agent' | 'start'>,
): Promise<StepEvidence['ownTurnTv']> {
  const { messages, trajectoryOf } = own[agent.id];
  const { tv } = await agent.model.divergence(messages, start, scoring(context));
  const spoken = new Map<number, number>(); // own messages of a trajectory so far
  const turns: number[][] = [];
  for (const [m, row] of tv.entries()) {
    const n = trajectoryOf[m];
    const turn = spoken.get(n) ?? 0;
    spoken.set(n, turn + 1);
    turns[turn] = [
      ...(turns[turn] ?? []),
      Math.min(
        1,
        row.reduce((sum, x) => sum + x, 0),
      ),
    ];
  }
  return {
    max: turns.map((seen) => Math.max(...seen)),
    mean: turns.map((seen) => seen.reduce((sum, x) => sum + x, 0) / trajectories.length),
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
 * E50 as printed, with A_max the span of the reward and the discount that the run quotes it at: the
 * episodes themselves are not discounted, and at gamma = 1 it is minus infinity. Informational.
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
