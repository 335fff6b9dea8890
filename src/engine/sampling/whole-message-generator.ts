/**
 * Generation through `Model.sample`, for policies that choose among whole messages: nothing can be told of a
 * message before all of it is there, so its tokens come at once, at the end.
 * @see grouped-generator.ts for who is sampled together
 * @module
 */
import { EngineError } from '../../support/errors.ts';
import type { Completion, Model } from '../engine.ts';
import type { Generation, GenerationRequest, GeneratorOptions, MessageGenerator } from '../generation.ts';
import { GroupedGenerator, type GroupMessage, type GroupProgress } from './grouped-generator.ts';

export interface WholeMessageParts {
  readonly sample: Model['sample'];
  /** Largest context plus message, tokens. */
  readonly maxPositions: number;
}

/** Each message costs several; more at once would make everybody wait for the longest of many. */
const MAX_BATCH = 8;

/** What it tells of each token is the log-probability that `sample` gave; it ranks none. */
export function createWholeMessageGenerator(
  { sample, maxPositions }: WholeMessageParts,
  { maxBatch = MAX_BATCH, ...options }: GeneratorOptions = {},
): MessageGenerator {
  return new GroupedGenerator(
    {
      maxPositions,
      check,
      // what is chosen depends on how long a candidate may become
      groupKey: ({ temperature, maxTokens }) => `${temperature} ${maxTokens}`,
      decode: (group, progress) => sampleGroup(sample, group, progress),
    },
    { ...options, maxBatch: Math.min(maxBatch, MAX_BATCH) },
  );
}

/** `sample` draws from the full distribution alone. @throws EngineError */
function check({ temperature, topP }: GenerationRequest): void {
  const wrong =
    temperature === 0 ? 'a temperature above 0, got 0' : topP < 1 ? `top_p of 1, got ${topP}` : undefined;
  if (wrong === undefined) return;
  throw new EngineError(`engine: expected ${wrong}; a mixture of messages is drawn whole`, {
    code: 'TROUPE_ENGINE_UNSUPPORTED',
  });
}

async function sampleGroup(
  sample: Model['sample'],
  group: readonly GroupMessage[],
  progress: GroupProgress,
): Promise<void> {
  const [first] = group;
  if (first === undefined) return;
  const { temperature, maxTokens } = first.request;
  const leaving = new AbortController();
  const leave = (): void => {
    if (group.every(({ request }) => request.signal?.aborted)) leaving.abort(first.request.signal?.reason);
  };
  for (const { request } of group) request.signal?.addEventListener('abort', leave, { once: true });
  try {
    const requests = group.map(({ request: { context, stream } }) => ({ context, stream }));
    const completions = await sample(requests, { temperature, maxTokens, signal: leaving.signal });
    progress.requireOpen();
    for (const [at, message] of group.entries()) settle(message, completions[at] as Completion, progress);
  } finally {
    for (const { request } of group) request.signal?.removeEventListener('abort', leave);
  }
}

function settle(
  { request, settle: end }: GroupMessage,
  completion: Completion,
  progress: GroupProgress,
): void {
  progress.countTokens(completion.tokens.length);
  try {
    request.signal?.throwIfAborted();
    end(told(request, completion));
  } catch (error) {
    end({ error }); // the others go on
  }
}

/** The message up to where its listener ends it. */
function told({ onToken, signal }: GenerationRequest, { tokens, logp, finish }: Completion): Generation {
  for (const [t, token] of tokens.entries()) {
    const goesOn = onToken?.({ token, logp: logp[t] as number });
    signal?.throwIfAborted(); // its listener's doing
    if (goesOn === false)
      return { tokens: tokens.slice(0, t + 1), logp: logp.slice(0, t + 1), finish: 'stop' };
  }
  return { tokens, logp, finish };
}
