/**
 * Detects tokenizers that split texts into other tokens than those on which the model was trained.
 * @module
 */

/** Smallest vocabulary of a released Gemma model; smaller ones belong to models that were made for tests. */
const GEMMA_VOCABULARY = 256_000;

/**
 * Returns a warning about a Gemma model with a Unigram tokenizer. Gemma's tokenizer is BPE. Transformers writes a Unigram
 * tokenizer if it converts a GGUF file of Gemma to a folder, and the same vocabulary then gives other tokens.
 *
 * @param algorithm - `model.type` of tokenizer.json
 * @param where - path of tokenizer.json
 */
export function segmentationWarning(
  {
    architecture,
    algorithm,
    vocabSize,
  }: { readonly architecture: string; readonly algorithm: unknown; readonly vocabSize: number },
  where: string,
): string | undefined {
  if (!architecture.startsWith('Gemma') || vocabSize < GEMMA_VOCABULARY || algorithm !== 'Unigram')
    return undefined;
  return `${where}: Gemma models were trained with BPE, and this tokenizer is Unigram, as Transformers writes it from a GGUF file; it splits texts into other tokens, and the model answers worse; use the GGUF file, or the tokenizer of the original model`;
}
