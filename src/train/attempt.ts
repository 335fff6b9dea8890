/**
 * One attempt of an agent's update: optimizer steps from the weights before the update, then exact divergences.
 * An attempt of a single step reuses the gradient of the first attempt, because all attempts start at the same
 * weights.
 * @module
 */
import { messageSums } from '../core/divergence.ts';
import { randomOrder } from '../core/order.ts';
import { inverseCdfQuantile } from '../core/quantile.ts';
import type { RandomStream } from '../core/rng.ts';
import { type AttemptMeasurement, measureAttempt } from '../core/trust-region.ts';
import type { Model, SnapshotId } from '../engine/engine.ts';
import { type AttemptRecord, type HandoverRecord, KL_LEVELS } from './events.ts';
import { advanceHandover } from './handover.ts';
import { accumulateGradient, type MinibatchLoss, type OwnTrajectory } from './minibatch.ts';
import type { TrainOptions } from './options.ts';
import { shuffleDraws } from './streams.ts';

/** Means over the optimizer steps of one attempt. */
export interface AttemptTraining extends MinibatchLoss {
  /**
   * L2 norm of the gradient before clipping; 0 for a handover step, i.e. a step that moves a mixture of the
   * old and a new model towards the new one.
   */
  readonly gradNorm: number;
  /**
   * Result of the handover step that replaced the gradient steps; absent unless the agent's model is being
   * replaced by another one.
   */
  readonly handover?: HandoverRecord;
}

/** The values by which an attempt is accepted or rejected, and KL quantiles for reports. */
export type Measurement = AttemptMeasurement & Pick<AttemptRecord, 'klQuantiles'>;

export interface AttemptSettings {
  readonly options: TrainOptions;
  /** Random stream of the minibatch order, which is the same in every attempt. */
  readonly stream: RandomStream;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: (phase: 'update' | 'divergence', done: number, total: number) => void;
}

/** The two values in which attempts of an update differ. */
export interface StepSize {
  /** Coefficient of the KL penalty. */
  readonly beta: number;
  /** Factor on the learning rate. */
  readonly lrScale: number;
}

/**
 * Runs the attempts of one update. Every call of `run` starts at the weights before the update; `undo` restores
 * them after an attempt that is not accepted.
 */
export class Attempts {
  readonly #model: Model;
  readonly #trajectories: readonly OwnTrajectory[];
  readonly #settings: AttemptSettings;
  readonly #start: SnapshotId;
  readonly #minibatches: readonly OwnTrajectory[][];
  /** Loss of the single minibatch, whose gradient the model keeps; absent before the first attempt. */
  #kept: MinibatchLoss | undefined;

  /** @param start - snapshot S0 of weights and optimizer state before the update */
  constructor(
    model: Model,
    trajectories: readonly OwnTrajectory[],
    settings: AttemptSettings & { readonly start: SnapshotId },
  ) {
    const { options, stream, start } = settings;
    this.#model = model;
    this.#trajectories = trajectories;
    this.#settings = settings;
    this.#start = start;
    this.#minibatches = Array.from({ length: options.numIterations }, (_, pass) =>
      shuffledMinibatches(trajectories, options.minibatchSize, stream.child(pass)),
    ).flat();
  }

  /** Takes the steps of an attempt and measures them. The model contains the changed weights afterwards. */
  async run(
    size: StepSize,
  ): Promise<{ readonly training: AttemptTraining; readonly measurement: Measurement }> {
    const training: AttemptTraining = this.#model.handover
      ? await advanceHandover(this.#model, this.#trajectories, {
          ...this.#settings,
          scale: size.lrScale,
        })
      : await this.#train(size);
    return { training, measurement: await this.#measure(training) };
  }

  /** Restores the weights and the optimizer state before the update, byte for byte. */
  async undo(): Promise<void> {
    await this.#model.restore(this.#start, { keepGradients: this.#kept !== undefined });
  }

  /** Ends the update. Frees the gradient that was kept for further attempts. */
  close(): void {
    if (this.#kept !== undefined) this.#model.zeroGradients();
  }

  /** Runs all passes over the minibatches; stops early if a loss or gradient norm is not finite. */
  async #train({ beta, lrScale }: StepSize): Promise<AttemptTraining> {
    const { options, onProgress } = this.#settings;
    const adamw = { ...options.optimizer, learningRate: options.optimizer.learningRate * lrScale };
    const keepGradients = this.#minibatches.length === 1;
    const steps: AttemptTraining[] = [];
    for (const [index, minibatch] of this.#minibatches.entries()) {
      onProgress('update', index, this.#minibatches.length);
      const result = this.#kept ?? (await this.#accumulate(minibatch, beta, steps.length === 0));
      if (result === undefined) continue;
      if (keepGradients) this.#kept = result;
      const gradNorm = Number.isFinite(result.loss)
        ? (await this.#model.step(adamw, { keepGradients })).gradNorm
        : Number.NaN;
      steps.push({ ...result, gradNorm });
      if (!Number.isFinite(gradNorm)) break;
    }
    const meanOf = (name: 'loss' | 'clipRatio' | 'gradNorm') =>
      steps.reduce((sum, step) => sum + step[name], 0) / steps.length;
    return { loss: meanOf('loss'), clipRatio: meanOf('clipRatio'), gradNorm: meanOf('gradNorm') };
  }

  #accumulate(
    minibatch: readonly OwnTrajectory[],
    beta: number,
    atStart: boolean,
  ): Promise<MinibatchLoss | undefined> {
    const { options, signal } = this.#settings;
    return accumulateGradient(this.#model, minibatch, { options, beta, start: this.#start, atStart, signal });
  }

  /**
   * Measures the exact KL and total variation (TV) between the policy before the update (S0) and the current
   * policy at every token position of the agent's own messages, including trajectories with advantage 0 (E27),
   * and aggregates them for the trust-region test. Returns NaN without measuring if training produced a value
   * that is not finite.
   */
  async #measure(training: AttemptTraining): Promise<Measurement> {
    const { options, signal, onProgress } = this.#settings;
    const mustBeFinite = [training.loss, training.gradNorm];
    if (!mustBeFinite.every(Number.isFinite)) {
      const none = Number.NaN;
      return { klQuantile: none, klMean: none, klMax: none, klMessageMean: none, tvMean: none, mustBeFinite };
    }
    const all = this.#trajectories.map(({ sequences: trained, masked = [] }) => [...trained, ...masked]);
    const sequences = all.flat();
    const trajectoryOf = all.flatMap((own, n) => own.map(() => n));
    onProgress('divergence', 0, sequences.length);
    const { klNewOld, tv } = await this.#model.divergence(sequences, this.#start, {
      temperature: options.temperature,
      ...(signal && { signal }),
    });
    const divergences = {
      kl: klNewOld.flatMap((row) => [...row]),
      tv: tv.flatMap((row) => [...row]),
      messageKl: messageSums(klNewOld, trajectoryOf),
    };
    return {
      ...measureAttempt(divergences, options.trustRegion),
      mustBeFinite,
      ...klQuantilesOf(divergences.kl),
    };
  }
}

function shuffledMinibatches<T>(items: readonly T[], size: number, stream: RandomStream): T[][] {
  const order = randomOrder(items.length, shuffleDraws(stream, items.length));
  const shuffled = order.map((k) => items[k]);
  return Array.from({ length: Math.ceil(shuffled.length / size) }, (_, k) =>
    shuffled.slice(k * size, (k + 1) * size),
  );
}

/** KL quantiles for charts, rounded to four significant digits. */
function klQuantilesOf(kl: readonly number[]): Pick<AttemptRecord, 'klQuantiles'> {
  if (kl.length === 0 || !kl.every(Number.isFinite)) return {};
  return { klQuantiles: KL_LEVELS.map((level) => Number(inverseCdfQuantile(kl, level).toPrecision(4))) };
}
