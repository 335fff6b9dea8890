/**
 * The tabular model: an exact softmax policy over a small vocabulary in float64, with one table row of logits
 * per state. Tests compare other engines with this model, and training runs with it take milliseconds.
 * @module
 */
import { EngineError } from '../../support/errors.ts';
import type { DecodeBatch } from '../decode-batch.ts';
import type {
  AdamWParams,
  BackwardParams,
  BackwardResult,
  Capabilities,
  Completion,
  Divergence,
  GradientOptions,
  Model,
  SampleRequest,
  SamplingParams,
  ScoreParams,
  Sequence,
  SnapshotId,
  Tokenizer,
} from '../engine.ts';
import { createTabularBatch } from './decode-batch.ts';
import { writeTabularFolder } from './folder.ts';
import { drawToken, klDivergence, logSoftmax, totalVariation } from './softmax.ts';
import { LogitTable, stateKey, type TablePrior } from './table.ts';
import { createAlphabetTokenizer } from './tokenizer.ts';

/** Options of {@link createTabularModel}. */
export interface TabularModelOptions {
  /** Characters of the vocabulary; the end token is added to them. */
  readonly alphabet: string;
  /** Logits of states that have not been trained. Default: all 0 (uniform). */
  readonly prior?: TablePrior;
  /** Maximum length of context plus message, tokens. Default 4096. */
  readonly maxContext?: number;
  /** Initial weights instead of the prior. The model takes ownership of the table and does not copy it. */
  readonly table?: LogitTable;
}

/** A {@link Model} whose logits can be read and set per state. */
export interface TabularModel extends Model {
  /** Returns the prefixes (token ids) of all states that received a gradient or were set. */
  trainedStates(): number[][];
  /** Returns the logits of the state after `prefix` [V]. */
  logitsOf(prefix: ArrayLike<number>): Float64Array;
  /** Sets the logits of a state; AdamW's moments do not change. */
  setLogits(prefix: ArrayLike<number>, logits: ArrayLike<number>): void;
}

/**
 * Creates a tabular model.
 *
 * @throws EngineError if the alphabet has repeated characters or the prior has a wrong number of offsets
 */
export function createTabularModel(options: TabularModelOptions): TabularModel {
  return new TableModel(options);
}

class TableModel implements TabularModel {
  readonly capabilities: Capabilities;
  readonly tokenizer: Tokenizer;
  readonly #options: TabularModelOptions;
  readonly #snapshots = new Map<SnapshotId, LogitTable>();
  readonly #gradients = new Map<string, Float64Array>(); // maps a state to d loss / d logits [V]
  #table: LogitTable;
  #snapshotCount = 0;

  constructor(options: TabularModelOptions) {
    this.#options = options;
    this.tokenizer = createAlphabetTokenizer(options.alphabet);
    const { vocabSize } = this.tokenizer;
    const prior = options.prior ?? {};
    if (prior.offsets !== undefined && prior.offsets.length !== vocabSize)
      throw new EngineError(
        `tabular prior: expected ${vocabSize} offsets (one per token, end last), got ${prior.offsets.length}`,
      );
    this.#table = options.table ?? new LogitTable(vocabSize, prior);
    this.capabilities = {
      exactKl: true,
      trainable: true,
      parameters: 'table',
      dtype: 'float64',
      maxContext: options.maxContext ?? 4096,
    };
  }

  get parameterCount(): number {
    return this.#table.logits.length;
  }

  trainedStates(): number[][] {
    return [...this.#table.keys()].map((key) => (key === '' ? [] : key.split(' ').map(Number)));
  }

  logitsOf(prefix: ArrayLike<number>): Float64Array {
    return Float64Array.from(this.#table.read(stateKey(prefix)));
  }

  setLogits(prefix: ArrayLike<number>, logits: ArrayLike<number>): void {
    if (logits.length !== this.tokenizer.vocabSize)
      throw new EngineError(
        `tabular setLogits: expected ${this.tokenizer.vocabSize} logits, got ${logits.length}`,
      );
    const row = this.#table.ensureRow(stateKey(prefix));
    this.#table.logits.set(logits, row * this.tokenizer.vocabSize);
  }

  async sample(requests: readonly SampleRequest[], params: SamplingParams): Promise<Completion[]> {
    params.signal?.throwIfAborted();
    checkTemperature(params.temperature);
    if (!Number.isInteger(params.maxTokens) || params.maxTokens < 1)
      throw new EngineError(`tabular sample: expected maxTokens >= 1, got ${params.maxTokens}`);
    return requests.map((request, index) => {
      const completion = this.#complete(request, params);
      params.onCompletion?.(index, completion);
      return completion;
    });
  }

  #complete({ context, stream }: SampleRequest, { temperature, maxTokens }: SamplingParams): Completion {
    const room = Math.min(maxTokens, this.capabilities.maxContext - context.length);
    if (room < 1)
      throw new EngineError(
        `tabular sample: expected a context shorter than maxContext = ${this.capabilities.maxContext} tokens, got ${context.length}`,
      );
    const tokens: number[] = [];
    const logp: number[] = [];
    let key = stateKey(context);
    let ended = false;
    while (!ended && tokens.length < room) {
      const row = logSoftmax(this.#table.read(key), temperature);
      const token = drawToken(row, stream.uniform());
      tokens.push(token);
      logp.push(row[token] as number);
      ended = this.tokenizer.endTokens.includes(token);
      key = nextKey(key, token);
    }
    return {
      tokens: Int32Array.from(tokens),
      logp: Float32Array.from(logp),
      finish: ended ? 'stop' : 'length',
    };
  }

  async decodeBatch(contexts: readonly Int32Array[], slots: number): Promise<DecodeBatch> {
    return createTabularBatch(this.#table, contexts, slots);
  }

  async distributions(
    sequences: readonly Sequence[],
    params: ScoreParams & { readonly snapshot?: SnapshotId },
    visit: (index: number, logp_TV: Float32Array) => void,
  ): Promise<void> {
    params.signal?.throwIfAborted();
    checkTemperature(params.temperature);
    const table = params.snapshot === undefined ? this.#table : this.#snapshot(params.snapshot);
    for (const [index, sequence] of sequences.entries()) {
      const rows = statesOf(sequence).map(({ key }) => logSoftmax(table.read(key), params.temperature));
      visit(index, Float32Array.from(rows.flatMap((row) => [...row])));
    }
  }

  async forward(sequences: readonly Sequence[], params: ScoreParams): Promise<Float32Array[]> {
    params.signal?.throwIfAborted();
    checkTemperature(params.temperature);
    return sequences.map((sequence) =>
      Float32Array.from(statesOf(sequence), ({ key, token }) =>
        Number(logSoftmax(this.#table.read(key), params.temperature)[token]),
      ),
    );
  }

  /**
   * Accumulates the gradient with respect to the logits. A token x contributes cotangent * (1[v = x] - p_v) /
   * tau to the gradient of logit v, where tau is the temperature and p_v is the probability of token v at
   * this temperature. E28 gives the gradient of the KL term.
   */
  async backward(
    sequences: readonly Sequence[],
    cotangents: readonly ArrayLike<number>[],
    params: BackwardParams,
  ): Promise<BackwardResult> {
    params.signal?.throwIfAborted();
    checkTemperature(params.temperature);
    checkCotangents(sequences, cotangents);
    const reference = params.kl && this.#snapshot(params.kl.reference);
    const logps: Float32Array[] = [];
    const kls: Float32Array[] = [];
    for (const [s, sequence] of sequences.entries()) {
      const logp = new Float32Array(sequence.tokens.length);
      const kl = new Float32Array(sequence.tokens.length);
      for (const [t, { key, token }] of statesOf(sequence).entries()) {
        const row = logSoftmax(this.#table.read(key), params.temperature);
        const gradient = this.#gradientOf(key);
        const cotangent = Number(cotangents[s]?.[t]) / params.temperature;
        for (let v = 0; v < row.length; v++)
          gradient[v] = Number(gradient[v]) + cotangent * (Number(v === token) - Math.exp(Number(row[v])));
        logp[t] = row[token] as number;
        if (reference && params.kl)
          kl[t] = addKlGradient(gradient, row, {
            reference: logSoftmax(reference.read(key), params.temperature),
            weight: params.kl.weight / params.temperature,
          });
      }
      logps.push(logp);
      kls.push(kl);
    }
    return reference ? { logp: logps, kl: kls } : { logp: logps };
  }

  async step(
    adamw: AdamWParams,
    { keepGradients = false }: GradientOptions = {},
  ): Promise<{ readonly gradNorm: number }> {
    const { vocabSize } = this.tokenizer;
    const rows = [...this.#gradients].map(([key, gradient]) => ({
      row: this.#table.ensureRow(key),
      gradient,
    }));
    const flat = new Float64Array(this.#table.logits.length);
    for (const { row, gradient } of rows) flat.set(gradient, row * vocabSize);
    const gradNorm = Math.sqrt(flat.reduce((sum, g) => sum + g * g, 0));
    const scale = gradNorm > adamw.maxGradNorm ? adamw.maxGradNorm / gradNorm : 1;
    this.#table.update(
      flat.map((g) => g * scale),
      adamw,
    );
    if (!keepGradients) this.zeroGradients();
    return { gradNorm };
  }

  zeroGradients(): void {
    this.#gradients.clear();
  }

  async divergence(
    sequences: readonly Sequence[],
    cur: SnapshotId,
    params: ScoreParams,
  ): Promise<Divergence> {
    params.signal?.throwIfAborted();
    checkTemperature(params.temperature);
    const snapshot = this.#snapshot(cur);
    const states = sequences.map((sequence) =>
      statesOf(sequence).map(({ key }) => ({
        tar: logSoftmax(this.#table.read(key), params.temperature),
        cur: logSoftmax(snapshot.read(key), params.temperature),
      })),
    );
    return {
      klNewOld: states.map((row) => Float32Array.from(row, ({ tar, cur }) => klDivergence(tar, cur))),
      klOldNew: states.map((row) => Float32Array.from(row, ({ tar, cur }) => klDivergence(cur, tar))),
      tv: states.map((row) => Float32Array.from(row, ({ tar, cur }) => totalVariation(tar, cur))),
    };
  }

  /**
   * Computes the gradient of each sequence's summed logp with respect to the logits of all states that the
   * sequences visit, in order of the first visit [states * V]. A token x contributes (1[v = x] - p_v) / tau
   * to the entry of logit v, where tau is the temperature.
   */
  async scores(sequences: readonly Sequence[], params: ScoreParams): Promise<Float64Array[]> {
    params.signal?.throwIfAborted();
    checkTemperature(params.temperature);
    const { vocabSize } = this.tokenizer;
    const passed = sequences.map(statesOf);
    const columns = new Map<string, number>(); // maps a state to the index of its first column
    for (const { key } of passed.flat()) if (!columns.has(key)) columns.set(key, columns.size * vocabSize);
    return passed.map((states) => {
      const row = new Float64Array(columns.size * vocabSize);
      for (const { key, token } of states) {
        const logp = logSoftmax(this.#table.read(key), params.temperature);
        const first = columns.get(key) as number; // set above
        for (let v = 0; v < vocabSize; v++)
          row[first + v] =
            Number(row[first + v]) + (Number(v === token) - Math.exp(Number(logp[v]))) / params.temperature;
      }
      return row;
    });
  }

  async snapshot(): Promise<SnapshotId> {
    const id = `table-${this.#snapshotCount++}` as SnapshotId;
    this.#snapshots.set(id, this.#table.clone());
    return id;
  }

  async restore(id: SnapshotId, { keepGradients = false }: GradientOptions = {}): Promise<void> {
    this.#table = this.#snapshot(id).clone();
    if (!keepGradients) this.zeroGradients();
  }

  release(id: SnapshotId): void {
    this.#snapshots.delete(id);
  }

  async save(dir: string): Promise<void> {
    const { alphabet } = this.#options;
    await writeTabularFolder(dir, { alphabet, maxContext: this.capabilities.maxContext, table: this.#table });
  }

  async close(): Promise<void> {
    this.#snapshots.clear();
    this.zeroGradients();
  }

  #snapshot(id: SnapshotId): LogitTable {
    const table = this.#snapshots.get(id);
    if (table === undefined)
      throw new EngineError(`tabular model: expected a snapshot that was not released, got "${id}"`);
    return table;
  }

  #gradientOf(key: string): Float64Array {
    const existing = this.#gradients.get(key);
    if (existing !== undefined) return existing;
    const gradient = new Float64Array(this.tokenizer.vocabSize);
    this.#gradients.set(key, gradient);
    return gradient;
  }
}

/** Returns each token of a message with the key of the state before it. */
function statesOf({ context, tokens }: Sequence): { readonly key: string; readonly token: number }[] {
  let key = stateKey(context);
  return Array.from(tokens, (token) => {
    const state = { key, token };
    key = nextKey(key, token);
    return state;
  });
}

function nextKey(key: string, token: number): string {
  return key === '' ? String(token) : `${key} ${token}`;
}

/**
 * Adds weight * d KL(p || q) / d z to the gradient, where p is the current distribution, q the reference and
 * z = logits / temperature (E28). Returns the KL, nats.
 */
function addKlGradient(
  gradient: Float64Array,
  logp: Float64Array,
  { reference, weight }: { readonly reference: Float64Array; readonly weight: number },
): number {
  const kl = klDivergence(logp, reference);
  for (let v = 0; v < gradient.length; v++) {
    const p = Math.exp(logp[v] as number);
    if (p !== 0)
      gradient[v] = Number(gradient[v]) + weight * p * ((logp[v] as number) - (reference[v] as number) - kl);
  }
  return kl;
}

function checkTemperature(temperature: number): void {
  if (!(temperature > 0) || !Number.isFinite(temperature))
    throw new EngineError(`tabular model: expected a finite temperature > 0, got ${temperature}`);
}

function checkCotangents(sequences: readonly Sequence[], cotangents: readonly ArrayLike<number>[]): void {
  if (cotangents.length !== sequences.length)
    throw new EngineError(
      `tabular backward: expected cotangents of ${sequences.length} sequences, got ${cotangents.length}`,
    );
  for (const [s, { tokens }] of sequences.entries())
    if (cotangents[s]?.length !== tokens.length)
      throw new EngineError(
        `tabular backward: expected ${tokens.length} cotangents for sequence ${s}, got ${cotangents[s]?.length}`,
      );
}
