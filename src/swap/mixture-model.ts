/**
 * An agent's model in the middle of an upgrade: the geometric mixture of the model it had and the model it
 * is to have, at every token state as close to the new one as the radii of its steps allow. It samples,
 * scores and is saved like any model; a gradient it takes only once the replacement stands alone.
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
  /** What the agent was; never trained again. */
  readonly incumbent: Model;
  readonly replacement: Model;
  readonly steps: MixtureSteps;
  /** Messages decoded together. */
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
  /** The replacement as it was read, kept once it stands alone and may be trained. */
  #asRead: SnapshotId | undefined;
  #isAlone = false;

  /** @param parts - members that {@link requireMixable} let pass; this model closes them */
  constructor({ incumbent, replacement, steps, slots }: MixtureParts) {
    this.#incumbent = incumbent;
    this.#replacement = replacement;
    this.#steps = [...steps];
    this.#slots = slots;
    this.tokenizer = replacement.tokenizer;
  }

  get capabilities(): Capabilities {
    const [cur, pre] = [this.#incumbent.capabilities, this.#replacement.capabilities];
    return { ...pre, maxContext: Math.min(cur.maxContext, pre.maxContext) };
  }

  get parameterCount(): number {
    return this.#replacement.parameterCount + (this.#isAlone ? 0 : this.#incumbent.parameterCount);
  }

  get handover(): Handover | undefined {
    if (this.#isAlone) return undefined;
    return {
      steps: this.#steps,
      advance: (delta) => {
        this.#steps = [...this.#steps, delta];
      },
      weights: (sequences, params) => this.#weights(sequences, params),
      finish: async () => {
        this.#asRead ??= await this.#replacement.snapshot();
        this.#isAlone = true;
      },
    };
  }

  async sample(requests: readonly SampleRequest[], params: SamplingParams): Promise<Completion[]> {
    if (this.#isAlone) return this.#replacement.sample(requests, params);
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
    if (this.#isAlone && this.#replacement.generator) return this.#replacement.generator(options);
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
    if (this.#isAlone) return this.#replacement.forward(sequences, params);
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
    cur: SnapshotId,
    params: ScoreParams,
  ): Promise<Divergence> {
    const before = this.#snapshot(cur);
    if (this.#isAlone && before.alone !== undefined && before.alone !== 'now')
      return this.#replacement.divergence(sequences, before.alone, params);
    const result: Divergence & Record<keyof Divergence, Float32Array[]> = {
      klNewOld: [],
      klOldNew: [],
      tv: [],
    };
    await this.#each(sequences, params, [this.#state(), before], (index, [now = [], then = []]) => {
      const states = now.map(({ logp_V }, t) => stateDivergence(logp_V, then[t]?.logp_V as Float64Array));
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
    const alone = kl && this.#snapshot(kl.reference).alone;
    const reference = alone === undefined || alone === 'now' ? kl?.reference : alone;
    return this.#trained('gradients').backward(sequences, cotangents, {
      ...params,
      ...(kl && reference && { kl: { ...kl, reference } }),
    });
  }

  step(adamw: AdamWParams): Promise<{ readonly gradNorm: number }> {
    return this.#trained('steps').step(adamw);
  }

  zeroGradients(): void {
    if (this.#isAlone) this.#replacement.zeroGradients();
  }

  async snapshot(): Promise<SnapshotId> {
    const id = `mixture-${this.#snapshotCount++}` as SnapshotId;
    this.#snapshots.set(id, {
      steps: this.#steps,
      ...(this.#isAlone && { alone: await this.#replacement.snapshot() }),
    });
    return id;
  }

  async restore(id: SnapshotId): Promise<void> {
    const { steps, alone } = this.#snapshot(id);
    const weights = alone === 'now' ? undefined : (alone ?? (this.#isAlone ? this.#asRead : undefined));
    if (weights !== undefined) await this.#replacement.restore(weights);
    this.#steps = steps;
    this.#isAlone = alone !== undefined;
  }

  release(id: SnapshotId): void {
    const { alone } = this.#snapshot(id);
    if (alone !== undefined && alone !== 'now') this.#replacement.release(alone);
    this.#snapshots.delete(id);
  }

  async save(dir: string): Promise<void> {
    if (this.#isAlone) return this.#replacement.save(dir);
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
    return { steps: this.#steps, ...(this.#isAlone && { alone: 'now' as const }) };
  }

  #snapshot(id: SnapshotId): MixtureState {
    const state = this.#snapshots.get(id);
    if (state === undefined)
      throw new EngineError(`mixture: expected a snapshot that was not released, got "${id}"`);
    return state;
  }

  #trained(what: string): Model {
    if (this.#isAlone) return this.#replacement;
    throw new EngineError(
      `mixture: expected a handover step, got ${what}; a mixture is trained once its replacement stands alone`,
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
    const members = { incumbent: this.#incumbent, replacement: this.#replacement };
    const asRead = this.#isAlone ? this.#asRead : undefined;
    return eachState({ ...members, ...(asRead && { asRead }) }, sequences, { params, states, visit });
  }
}

function batchOf(model: Model, contexts: readonly Int32Array[], slots: number) {
  return (model.decodeBatch as NonNullable<Model['decodeBatch']>).call(model, contexts, slots);
}
