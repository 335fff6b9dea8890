/**
 * Computes the distributions of a mixture at all token positions of given sequences. The components'
 * distributions are computed for a few sequences at a time to limit memory.
 * @module
 */
import type { MixtureSteps } from '../core/mixture.ts';
import type { Model, ScoreParams, Sequence, SnapshotId } from '../engine/engine.ts';
import { type MixedState, mixState } from './mixture-rows.ts';

/** Maximum number of values of one component's distributions that are in memory at a time. */
const MAX_NUMBERS = 4_000_000;

/** State of an agent's policy during or after the handover from its old model to a replacement model. */
export interface MixtureState {
  readonly steps: MixtureSteps;
  /**
   * After the handover: snapshot of the replacement model's weights, or `current` for its current weights.
   * Absent: the handover is not finished and the policy is a mixture.
   */
  readonly finished?: SnapshotId | 'current';
}

export interface MixtureComponents {
  readonly incumbent: Model;
  readonly replacement: Model;
  /**
   * Snapshot of the replacement model with the weights that the mixture uses; absent: the replacement's
   * current weights.
   */
  readonly loadedWeights?: SnapshotId;
}

/**
 * Receives the distributions at the token positions of one sequence.
 *
 * @param index - index of the sequence
 * @param mixed - for each given policy state (progress of the handover), the next-token distribution at
 *   every token position of the sequence [states][T]
 */
export type VisitStates = (index: number, mixed: readonly (readonly MixedState[])[]) => void;

/**
 * Calls `visit` once for every sequence. Passes, for each given policy state (progress of the handover from
 * the old to the new model), the policy's next-token distribution at every token position of the sequence.
 */
export async function eachState(
  components: MixtureComponents,
  sequences: readonly Sequence[],
  {
    params,
    states,
    visit,
  }: { readonly params: ScoreParams; readonly states: readonly MixtureState[]; readonly visit: VisitStates },
): Promise<void> {
  let vocabSize: number | undefined;
  for (let from = 0; from < sequences.length; ) {
    // the first group is a single sequence, because the size of the vocabulary is known only after it
    const group = firstWithin(sequences.slice(from), vocabSize === undefined ? 0 : MAX_NUMBERS / vocabSize);
    const rows = await groupRows(components, group, { params, states });
    for (const [index, { tokens }] of group.entries()) {
      const mixed = states.map(({ steps, finished }, s) => {
        const [old, pre] = [
          rows.old[index],
          finished === undefined ? rows.pre[index] : rows.finished[s]?.[index],
        ];
        return Array.from(tokens, (_, t): MixedState => {
          const replacement = rowAt(pre as Float32Array, t, tokens.length);
          if (finished !== undefined) return { w: 1, logp_V: Float64Array.from(replacement) };
          return mixState({ incumbent: rowAt(old as Float32Array, t, tokens.length), replacement }, 1, steps);
        });
      });
      vocabSize = mixed[0]?.[0]?.logp_V.length ?? vocabSize;
      visit(from + index, mixed);
    }
    from += group.length;
  }
}

/** Returns the first sequence and as many of the following ones as fit into the given number of tokens. */
function firstWithin(sequences: readonly Sequence[], tokens: number): readonly Sequence[] {
  let sum = 0;
  const over = sequences.findIndex((sequence, index) => {
    sum += sequence.tokens.length;
    return index > 0 && sum > tokens;
  });
  return over === -1 ? sequences : sequences.slice(0, over);
}

interface GroupRows {
  readonly old: readonly Float32Array[];
  readonly pre: readonly Float32Array[];
  /**
   * Next-token distributions of the replacement model alone, per policy state; empty for states in which the
   * policy is a mixture.
   */
  readonly finished: readonly (readonly Float32Array[])[];
}

/**
 * Computes the next-token distributions [T V] of both component models for each sequence. A component is
 * skipped if no given state of the handover (mixture weights) uses it.
 */
async function groupRows(
  { incumbent, replacement, loadedWeights }: MixtureComponents,
  group: readonly Sequence[],
  { params, states }: { readonly params: ScoreParams; readonly states: readonly MixtureState[] },
): Promise<GroupRows> {
  const isMixed = states.some(({ finished }) => finished === undefined);
  const old = isMixed ? await rowsOf(incumbent, group, params) : [];
  const pre = isMixed
    ? await rowsOf(replacement, group, { ...params, ...(loadedWeights && { snapshot: loadedWeights }) })
    : [];
  const finished: Float32Array[][] = [];
  for (const { finished: weights } of states) {
    const at = weights === 'current' ? {} : { snapshot: weights as SnapshotId };
    finished.push(weights === undefined ? [] : await rowsOf(replacement, group, { ...params, ...at }));
  }
  return { old, pre, finished };
}

async function rowsOf(
  model: Model,
  sequences: readonly Sequence[],
  params: ScoreParams & { readonly snapshot?: SnapshotId },
): Promise<Float32Array[]> {
  const rows: Float32Array[] = [];
  await model.distributions?.(sequences, params, (index, logp) => {
    rows[index] = logp.slice();
  });
  return rows;
}

function rowAt(rows_TV: Float32Array, t: number, tokens: number): Float32Array {
  const size = rows_TV.length / tokens;
  return rows_TV.subarray(t * size, (t + 1) * size);
}
