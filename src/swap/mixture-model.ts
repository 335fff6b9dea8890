/**
 * Model of an agent whose model is being replaced (handover): the geometric mixture of the old model and the
 * replacement model. At every token position it is as close to the replacement as the KL limits (radii) of
 * the steps so far allow. The mixture samples, scores and is saved like any model. It can be trained by
 * gradients only after the handover is finished and the replacement alone remains.
 * @see SAT (arXiv 2605.05216) Sec. 4 "Plug-and-play upgrades"
 * @module
 */
import { stateDivergence } from '../core/divergence.ts';
import type { MixtureSteps } from '../core/mixture.ts';
import type { DecodeBatch } from '../engine/decode-batch.ts';
import type {
  AdamWParams,
  BackwardParams,
  BackwardResult,
  Capabilities,
  Completion,
  Divergence,
  GradientOptions,
  Handover,
  Model,
  SampleRequest,
  SamplingParams,
  ScoreParams,
  Sequence,
  SnapshotId,
  Tokenizer,
} from '../engine/engine.ts';
import type { GeneratorOptions, MessageGenerator } from '../engine/generation.ts';
import { createBatchGenerator } from '../engine/sampling/batch-generator.ts';
import { sampleSlots } from '../engine/sampling/slot-sampler.ts';
import { EngineError } from '../support/errors.ts';
import { createMixtureBatch } from './mixture-batch.ts';
import { writeMixtureFolder } from './mixture-folder.ts';
import { eachState, type MixtureState, type VisitStates } from './mixture-states.ts';

export interface MixtureParts {
  /** The agent's old model; it is never trained again. */
  readonly incumbent: Model;
  readonly replacement: Model;
  readonly steps: MixtureSteps;
  /** Maximum number of messages that are decoded together. */
  readonly slots: number;
}

export class MixtureModel implements Model {
  readonly tokenizer: Tokenizer;
  readonly #incumbent: Model;
  readonly #replacement: Model;
  readonly #slots: number;
  readonly #snapshots = new Map<SnapshotId, MixtureState>();
  #snapshotCount = 0;
  #steps: MixtureSteps;
  /**
   * Snapshot of the replacement model's weights at the end of the handover. Snapshots from before the end,
   * which are mixtures, use these weights. Undefined before the end.
   */
  #loadedWeights: SnapshotId | undefined;
  #isFinished = false;

  /**
   * Takes ownership of both component models, which must have passed `requireMixable`; {@link close} closes
   * them.
   */
  constructor({ incumbent, replacement, steps, slots }: MixtureParts) {
    this.#incumbent = incumbent;
    this.#replacement = replacement;
    this.#steps = [...steps];
    this.#slots = slots;
    this.tokenizer = replacement.tokenizer;
  }

  get capabilities(): Capabilities {
    const [old, pre] = [this.#incumbent.capabilities, this.#replacement.capabilities];
    return { ...pre, maxContext: Math.min(old.maxContext, pre.maxContext) };
  }

  get parameterCount(): number {
    return this.#replacement.parameterCount + (this.#isFinished ? 0 : this.#incumbent.parameterCount);
  }

  get handover(): Handover | undefined {
    if (this.#isFinished) return undefined;
    return {
      steps: this.#steps,
      advance: (delta) => {
        this.#steps = [...this.#steps, delta];
      },
      weights: (sequences, params) => this.#weights(sequences, params),
      finish: async () => {
        this.#loadedWeights ??= await this.#replacement.snapshot();
        this.#isFinished = true;
      },
    };
  }

  async sample(requests: readonly SampleRequest[], params: SamplingParams): Promise<Completion[]> {
    if (this.#isFinished) return this.#replacement.sample(requests, params);
    if (requests.length === 0) return [];
    const contexts = requests.map(({ context }) => context);
    const slots = Math.min(this.#slots, requests.length);
    const batch = await this.#openBatch(contexts, slots, params.temperature);
    const rules = {
      slots,
      endTokens: this.tokenizer.endTokens,
      maxPositions: this.capabilities.maxContext,
    };
    return sampleSlots(batch, requests, { params, rules });
  }

  generator(options: GeneratorOptions = {}): MessageGenerator {
    if (this.#isFinished && this.#replacement.generator) return this.#replacement.generator(options);
    const { endTokens } = this.tokenizer;
    const open = (contexts: readonly Int32Array[], temperature: number) =>
      this.#openBatch(contexts, contexts.length, temperature);
    return createBatchGenerator({ open, endTokens, maxPositions: this.capabilities.maxContext }, options);
  }

  async #openBatch(
    contexts: readonly Int32Array[],
    slots: number,
    temperature: number,
  ): Promise<DecodeBatch> {
    return createMixtureBatch({
      incumbent: await batchOf(this.#incumbent, contexts, slots),
      replacement: await batchOf(this.#replacement, contexts, slots),
      steps: this.#steps,
      temperature,
    });
  }

  async forward(sequences: readonly Sequence[], params: ScoreParams): Promise<Float32Array[]> {
    if (this.#isFinished) return this.#replacement.forward(sequences, params);
    const logp: Float32Array[] = [];
    await this.#each(sequences, params, [this.#state()], (index, [own = []]) => {
      const { tokens } = sequences[index] as Sequence;
      logp[index] = Float32Array.from(tokens, (token, t) => own[t]?.logp_V[token] as number);
    });
    return logp;
  }

  async distributions(
    sequences: readonly Sequence[],
    { snapshot, ...params }: ScoreParams & { readonly snapshot?: SnapshotId },
    visit: (index: number, logp_TV: Float32Array) => void,
  ): Promise<void> {
    const state = snapshot === undefined ? this.#state() : this.#snapshot(snapshot);
    await this.#each(sequences, params, [state], (index, [own = []]) => {
      visit(index, Float32Array.from(own.flatMap(({ logp_V }) => [...logp_V])));
    });
  }

  async divergence(
    sequences: readonly Sequence[],
    old: SnapshotId,
    params: ScoreParams,
  ): Promise<Divergence> {
    const before = this.#snapshot(old);
    if (this.#isFinished && before.finished !== undefined && before.finished !== 'current')
      return this.#replacement.divergence(sequences, before.finished, params);
    const result: Divergence & Record<keyof Divergence, Float32Array[]> = {
      klNewOld: [],
      klOldNew: [],
      tv: [],
    };
    await this.#each(sequences, params, [this.#state(), before], (index, [current = [], earlier = []]) => {
      const states = current.map(({ logp_V }, t) =>
        stateDivergence(logp_V, earlier[t]?.logp_V as Float64Array),
      );
      for (const name of ['klNewOld', 'klOldNew', 'tv'] as const)
        result[name][index] = Float32Array.from(states, (state) => state[name]);
    });
    return result;
  }

  backward(
    sequences: readonly Sequence[],
    cotangents: readonly ArrayLike<number>[],
    params: BackwardParams,
  ): Promise<BackwardResult> {
    const { kl } = params;
    const finished = kl && this.#snapshot(kl.reference).finished;
    const reference = finished === undefined || finished === 'current' ? kl?.reference : finished;
    return this.#trained('gradients').backward(sequences, cotangents, {
      ...params,
      ...(kl && reference && { kl: { ...kl, reference } }),
    });
  }

  step(adamw: AdamWParams, options?: GradientOptions): Promise<{ readonly gradNorm: number }> {
    return this.#trained('steps').step(adamw, options);
  }

  zeroGradients(): void {
    if (this.#isFinished) this.#replacement.zeroGradients();
  }

  async snapshot(): Promise<SnapshotId> {
    const id = `mixture-${this.#snapshotCount++}` as SnapshotId;
    this.#snapshots.set(id, {
      steps: this.#steps,
      ...(this.#isFinished && { finished: await this.#replacement.snapshot() }),
    });
    return id;
  }

  async restore(id: SnapshotId, options?: GradientOptions): Promise<void> {
    const { steps, finished } = this.#snapshot(id);
    const weights =
      finished === 'current' ? undefined : (finished ?? (this.#isFinished ? this.#loadedWeights : undefined));
    if (weights !== undefined) await this.#replacement.restore(weights, options);
    this.#steps = steps;
    this.#isFinished = finished !== undefined;
  }

  release(id: SnapshotId): void {
    const { finished } = this.#snapshot(id);
    if (finished !== undefined && finished !== 'current') this.#replacement.release(finished);
    this.#snapshots.delete(id);
  }

  async save(dir: string): Promise<void> {
    if (this.#isFinished) return this.#replacement.save(dir);
    await writeMixtureFolder(dir, {
      incumbent: this.#incumbent,
      replacement: this.#replacement,
      steps: this.#steps,
    });
  }

  async close(): Promise<void> {
    this.#snapshots.clear();
    await this.#incumbent.close();
    await this.#replacement.close();
  }

  #state(): MixtureState {
    return { steps: this.#steps, ...(this.#isFinished && { finished: 'current' as const }) };
  }

  #snapshot(id: SnapshotId): MixtureState {
    const state = this.#snapshots.get(id);
    if (state === undefined)
      throw new EngineError(`mixture: expected a snapshot that was not released, got "${id}"`);
    return state;
  }

  /**
   * Returns the replacement model if the handover is finished, i.e. if it has replaced the mixture.
   *
   * @throws EngineError if the handover is not finished
   */
  #trained(request: string): Model {
    if (this.#isFinished) return this.#replacement;
    throw new EngineError(
      `mixture: expected a handover step, got ${request}; a mixture can be trained after its handover is finished`,
    );
  }

  async #weights(sequences: readonly Sequence[], params: ScoreParams): Promise<Float32Array[]> {
    const weights: Float32Array[] = [];
    await this.#each(sequences, params, [this.#state()], (index, [own = []]) => {
      weights[index] = Float32Array.from(own, ({ w }) => w);
    });
    return weights;
  }

  #each(
    sequences: readonly Sequence[],
    params: ScoreParams,
    states: readonly MixtureState[],
    visit: VisitStates,
  ): Promise<void> {
    const components = { incumbent: this.#incumbent, replacement: this.#replacement };
    const loadedWeights = this.#isFinished ? this.#loadedWeights : undefined;
    return eachState({ ...components, ...(loadedWeights && { loadedWeights }) }, sequences, {
      params,
      states,
      visit,
    });
  }
}

function batchOf(model: Model, contexts: readonly Int32Array[], slots: number) {
  return (model.decodeBatch as NonNullable<Model['decodeBatch']>).call(model, contexts, slots);
}
