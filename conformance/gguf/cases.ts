/**
 * Cases for check_export.py, which compares exported GGUF files in llama.cpp with a model of troupe.
 * @module
 */
import type { Model } from '../../src/engine/engine.ts';

export interface LlamaCppCase {
  readonly name: string;
  /** GGUF file of the model. */
  readonly model: string;
  /** GGUF file of an adapter. */
  readonly lora?: string;
  /** Largest accepted difference of a log-probability, nats. */
  readonly tolerance: number;
  /** Largest accepted mean of the differences, nats. Default: `tolerance`. */
  readonly meanTolerance?: number;
  /** A token of printable text, which llama.cpp samples after each prompt. */
  readonly force: number;
  readonly prompts: readonly {
    readonly ids: readonly number[];
    readonly top: Readonly<Record<string, number>>;
  }[];
  readonly texts: readonly { readonly text: string; readonly ids: readonly number[] }[];
}

/** Number of tokens whose log-probabilities are compared per prompt. */
const TOP = 32;

/** Returns the largest log-probabilities of a model for the token after each prompt, and the token ids of texts. */
export async function scored(
  model: Model,
  prompts: readonly ArrayLike<number>[],
  texts: readonly string[],
): Promise<Pick<LlamaCppCase, 'prompts' | 'texts' | 'force'>> {
  const rows: { ids: number[]; top: Record<string, number> }[] = [];
  // the token after the prompt gives its distribution; its own id does not matter
  const sequences = prompts.map((ids) => ({ context: Int32Array.from(ids), tokens: Int32Array.of(0) }));
  await model.distributions?.(sequences, { temperature: 1 }, (index, logp_TV) => {
    const order = Array.from(logp_TV.keys()).sort((a, b) => (logp_TV[b] as number) - (logp_TV[a] as number));
    const top = order.slice(0, TOP).map((id): [string, number] => [String(id), logp_TV[id] as number]);
    rows[index] = { ids: Array.from(prompts[index] as ArrayLike<number>), top: Object.fromEntries(top) };
  });
  const force = model.tokenizer.encode('a')[0] as number;
  return {
    force,
    prompts: rows,
    texts: texts.map((text) => ({ text, ids: [...model.tokenizer.encode(text)] })),
  };
}
