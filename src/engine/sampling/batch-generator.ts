/**
 * Generation through a {@link DecodeBatch}, for policies made of several models that are mixed token by token.
 * @see grouped-generator.ts for who is decoded together
 * @module
 */
import type { DecodeBatch } from '../decode-batch.ts';
import type { GenerationRequest, GeneratorOptions, MessageGenerator } from '../generation.ts';
import { drawFiltered, rankTokens } from './draw-filtered.ts';
import { GroupedGenerator, type GroupMessage, type GroupProgress } from './grouped-generator.ts';

export interface BatchGeneratorParts {
  /** The batch for some contexts at a temperature; a greedy draw takes the likeliest of temperature 1. */
  readonly open: (contexts: readonly Int32Array[], temperature: number) => Promise<DecodeBatch>;
  readonly endTokens: readonly number[];
  /** Largest context plus message, tokens. */
  readonly maxPositions: number;
}

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

/** A message and what was drawn of it. */
interface Drawing {
  readonly message: GroupMessage;
  readonly limit: number;
  readonly tokens: number[];
  readonly logp: number[];
}

async function decodeGroup(
  { open, endTokens, maxPositions }: BatchGeneratorParts,
  group: readonly GroupMessage[],
  progress: GroupProgress,
): Promise<void> {
  const contexts = group.map(({ request }) => request.context);
  const batch = await open(contexts, group[0]?.request.temperature || 1);
  let live: (Drawing | undefined)[] = group.map((message) => {
    const { maxTokens, context } = message.request;
    return { message, limit: Math.min(maxTokens, maxPositions - context.length), tokens: [], logp: [] };
  });
  /** Draws a slot's next token, and frees the slot after the last. */
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

/** Draws one token. @returns whether the message is over */
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
    request.signal?.throwIfAborted(); // its listener's doing, perhaps on its last token
  } catch (error) {
    settle({ error }); // its own fault, or nobody wants it: the others go on
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

/** @returns what the listener said */
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
