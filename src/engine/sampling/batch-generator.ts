/**
 * Serving through a {@link DecodeBatch}, for policies that mix several models token by token.
 * @see grouped-generator.ts for the grouping of requests into batches
 * @module
 */
import type { DecodeBatch } from '../decode-batch.ts';
import type { GenerationRequest, GeneratorOptions, MessageGenerator } from '../generation.ts';
import { drawFiltered, rankTokens } from './draw-filtered.ts';
import { GroupedGenerator, type GroupProgress, type PendingGeneration } from './grouped-generator.ts';

export interface BatchGeneratorParts {
  /** Opens a batch for contexts at a temperature; greedy requests use temperature 1. */
  readonly open: (contexts: readonly Int32Array[], temperature: number) => Promise<DecodeBatch>;
  readonly endTokens: readonly number[];
  /** Maximum length of context plus message, tokens. */
  readonly maxPositions: number;
}

/** Creates a generator that decodes each group of requests in one {@link DecodeBatch}. */
export function createBatchGenerator(
  parts: BatchGeneratorParts,
  options: GeneratorOptions = {},
): MessageGenerator {
  return new GroupedGenerator(
    {
      maxPositions: parts.maxPositions,
      groupKey: ({ temperature }) => temperature,
      decode: (group, progress) => decodeGroup(parts, group, progress),
    },
    options,
  );
}

/** A message and its tokens so far. */
interface Drawing {
  readonly message: PendingGeneration;
  readonly limit: number;
  readonly tokens: number[];
  readonly logp: number[];
}

async function decodeGroup(
  { open, endTokens, maxPositions }: BatchGeneratorParts,
  group: readonly PendingGeneration[],
  progress: GroupProgress,
): Promise<void> {
  const contexts = group.map(({ request }) => request.context);
  const batch = await open(contexts, group[0]?.request.temperature || 1);
  let live: (Drawing | undefined)[] = group.map((message) => {
    const { maxTokens, context } = message.request;
    return { message, limit: Math.min(maxTokens, maxPositions - context.length), tokens: [], logp: [] };
  });
  /** Draws a slot's next token, and frees the slot if its message has ended. */
  const advance = (slot: number, logits: Float32Array, row: number): void => {
    const drawing = live[slot];
    if (drawing === undefined) return;
    const { vocabSize } = batch;
    progress.countTokens(1);
    if (!draw(drawing, logits.subarray(row * vocabSize, (row + 1) * vocabSize), endTokens)) return;
    live[slot] = undefined;
    batch.clear(slot);
  };
  for (const slot of live.keys()) {
    const { logits, row } = await batch.load(slot, slot);
    progress.requireOpen();
    advance(slot, logits, row);
  }
  while (live.some((drawing) => drawing !== undefined)) {
    const logits = await batch.step(live.map((drawing) => drawing?.tokens.at(-1) ?? 0));
    progress.requireOpen();
    for (const slot of live.keys()) advance(slot, logits, slot);
    const kept = live.flatMap((drawing, slot) => (drawing ? [slot] : []));
    if (kept.length > 0 && kept.length <= live.length / 2) {
      batch.keep(kept);
      live = kept.map((slot) => live[slot]);
    }
  }
}

/** Draws one token of a message. @returns whether the message has ended */
function draw(
  { message, limit, tokens, logp }: Drawing,
  logits: Float32Array,
  endTokens: readonly number[],
): boolean {
  const { request, settle } = message;
  let goesOn: boolean | undefined;
  try {
    request.signal?.throwIfAborted();
    goesOn = drawToken(request, logits, { tokens, logp });
    request.signal?.throwIfAborted(); // the callback onToken can abort the request, even at the last token
  } catch (error) {
    settle({ error }); // an error or abort of one request must not affect the others
    return true;
  }
  const stopped = goesOn === false || endTokens.includes(tokens.at(-1) as number);
  if (!stopped && tokens.length < limit) return false;
  settle({
    tokens: Int32Array.from(tokens),
    logp: Float32Array.from(logp),
    finish: stopped ? 'stop' : 'length',
  });
  return true;
}

/** Draws a token and calls `onToken`. @returns the result of `onToken` */
function drawToken(
  { temperature, topP, stream, topLogprobs, onToken }: GenerationRequest,
  logits: Float32Array,
  { tokens, logp }: Pick<Drawing, 'tokens' | 'logp'>,
): boolean | undefined {
  const drawn = drawFiltered(logits, { temperature, topP, uniform: () => stream.uniform() });
  tokens.push(drawn.token);
  logp.push(drawn.logp);
  const ranked = topLogprobs !== undefined && { ranked: rankTokens(logits, drawn.token, topLogprobs) };
  return onToken?.({ ...drawn, ...ranked });
}
