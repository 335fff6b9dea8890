/**
 * Compares a GGUF model in the engine with the reference values that gguf_reference.py writes.
 * @module
 */
import { readFileSync } from 'node:fs';
import type { Model, Sequence } from '../src/engine/engine.ts';

/** Content of the file that gguf_reference.py writes. */
export interface GgufReference {
  readonly strings: readonly string[];
  /** Token ids of llama.cpp for each string. */
  readonly ids: readonly (readonly number[])[];
  readonly prompts: readonly (readonly number[])[];
  /** Largest log-probabilities of llama.cpp for the token after each prompt, by token id, nats. */
  readonly 'llama.cpp': readonly Readonly<Record<string, number>>[];
  /** Log-probabilities of Transformers in float32: of the prompt's tokens, and the largest for the next token. */
  readonly transformers: readonly {
    readonly tokens: readonly number[];
    readonly top: Readonly<Record<string, number>>;
  }[];
}

export interface GgufComparison {
  /** Strings with other token ids. */
  readonly otherIds: readonly string[];
  /** Largest deviations from Transformers and from llama.cpp, nats. */
  readonly fromTransformers: number;
  readonly fromLlamaCpp: number;
  /** Mean absolute deviation from llama.cpp, nats. */
  readonly meanFromLlamaCpp: number;
  /** Number of prompts after which the most probable token is the one of llama.cpp. */
  readonly sameFirst: number;
}

export function readGgufReference(path: string): GgufReference {
  return JSON.parse(readFileSync(path, 'utf8')) as GgufReference;
}

/** @param model - needs `distributions` */
export async function compareGguf(model: Model, reference: GgufReference): Promise<GgufComparison> {
  const otherIds = reference.strings.filter(
    (text, i) => model.tokenizer.encode(text).join() !== reference.ids[i]?.join(),
  );
  // the last token only gives a row for the distribution after the prompt
  const sequences: Sequence[] = reference.prompts.map((prompt) => ({
    context: Int32Array.from(prompt.slice(0, 1)),
    tokens: Int32Array.from([...prompt.slice(1), 0]),
  }));
  let [fromTransformers, sameFirst] = [0, 0];
  const llamaCpp: number[] = [];
  await model.distributions?.(sequences, { temperature: 1 }, (index, rows) => {
    const prompt = reference.prompts[index] as readonly number[];
    const vocabulary = rows.length / prompt.length;
    const last = rows.subarray((prompt.length - 1) * vocabulary);
    const deviations = (of: Readonly<Record<string, number>>): number[] =>
      Object.entries(of).map(([id, value]) => Math.abs((last[Number(id)] as number) - value));
    const { tokens, top } = reference.transformers[index] as GgufReference['transformers'][number];
    const within = tokens.map((value, t) =>
      Math.abs((rows[t * vocabulary + (prompt[t + 1] as number)] as number) - value),
    );
    fromTransformers = Math.max(fromTransformers, ...deviations(top), ...within);
    const llama = reference['llama.cpp'][index] as Readonly<Record<string, number>>;
    llamaCpp.push(...deviations(llama));
    const [first] = Object.entries(llama).sort(([, a], [, b]) => b - a)[0] as [string, number];
    const largest = last.reduce((most, value) => Math.max(most, value), -Infinity);
    if (last[Number(first)] === largest) sameFirst++;
  });
  return {
    ...{ otherIds, fromTransformers, sameFirst },
    fromLlamaCpp: Math.max(...llamaCpp),
    meanFromLlamaCpp: llamaCpp.reduce((sum, value) => sum + value, 0) / llamaCpp.length,
  };
}
