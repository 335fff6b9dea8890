/**
 * Whole-sequence passes over a mixture: the distributions of both members, a few sequences at a time, mixed
 * state by state.
 * @module
 */
import type { MixtureSteps } from '../core/mixture.ts';
import type { Model, ScoreParams, Sequence, SnapshotId } from '../engine/engine.ts';
import { type MixedState, mixState } from './mixture-rows.ts';

/** Distributions of one member held at a time, numbers. */
const MOST_HELD = 4_000_000;

/** Where on its way a policy is. */
export interface MixtureState {
  readonly steps: MixtureSteps;
  /** Weights of a replacement that stands alone, `now` for those in place; absent: a mixture. */
  readonly alone?: SnapshotId | 'now';
}

export interface MixtureComponents {
  readonly incumbent: Model;
  readonly replacement: Model;
  /** The replacement as mixtures have it; absent: its weights in place. */
  readonly asRead?: SnapshotId;
}

/** @param mixed - per state asked for, every own token state of the sequence [states][T] */
export type VisitStates = (index: number, mixed: readonly (readonly MixedState[])[]) => void;

/** Shows every own token state of every sequence as each of the given states of one policy has it. */
export async function eachState(
  members: MixtureComponents,
  sequences: readonly Sequence[],
  {
    params,
    states,
    visit,
  }: { readonly params: ScoreParams; readonly states: readonly MixtureState[]; readonly visit: VisitStates },
): Promise<void> {
  let vocabSize: number | undefined;
  for (let from = 0; from < sequences.length; ) {
    // one sequence alone first: it tells how large a distribution is
    const group = firstWithin(sequences.slice(from), vocabSize === undefined ? 0 : MOST_HELD / vocabSize);
    const rows = await groupRows(members, group, { params, states });
    for (const [index, { tokens }] of group.entries()) {
      const mixed = states.map(({ steps, alone }, s) => {
        const [cur, pre] = [rows.cur[index], alone === undefined ? rows.pre[index] : rows.alone[s]?.[index]];
        return Array.from(tokens, (_, t): MixedState => {
          const replacement = rowAt(pre as Float32Array, t, tokens.length);
          if (alone !== undefined) return { w: 1, logp_V: Float64Array.from(replacement) };
          return mixState({ incumbent: rowAt(cur as Float32Array, t, tokens.length), replacement }, 1, steps);
        });
      });
      vocabSize = mixed[0]?.[0]?.logp_V.length ?? vocabSize;
      visit(from + index, mixed);
    }
    from += group.length;
  }
}

/** At least one sequence, and as many more as stay within so many tokens. */
function firstWithin(sequences: readonly Sequence[], tokens: number): readonly Sequence[] {
  let sum = 0;
  const over = sequences.findIndex((sequence, index) => {
    sum += sequence.tokens.length;
    return index > 0 && sum > tokens;
  });
  return over === -1 ? sequences : sequences.slice(0, over);
}

interface GroupRows {
  readonly cur: readonly Float32Array[];
  readonly pre: readonly Float32Array[];
  /** Per state; empty for mixtures. */
  readonly alone: readonly (readonly Float32Array[])[];
}

/** What the states need of both members, per sequence [T V]. */
async function groupRows(
  { incumbent, replacement, asRead }: MixtureComponents,
  group: readonly Sequence[],
  { params, states }: { readonly params: ScoreParams; readonly states: readonly MixtureState[] },
): Promise<GroupRows> {
  const isMixed = states.some(({ alone }) => alone === undefined);
  const cur = isMixed ? await rowsOf(incumbent, group, params) : [];
  const pre = isMixed
    ? await rowsOf(replacement, group, { ...params, ...(asRead && { snapshot: asRead }) })
    : [];
  const alone: Float32Array[][] = [];
  for (const { alone: weights } of states) {
    const at = weights === 'now' ? {} : { snapshot: weights as SnapshotId };
    alone.push(weights === undefined ? [] : await rowsOf(replacement, group, { ...params, ...at }));
  }
  return { cur, pre, alone };
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
