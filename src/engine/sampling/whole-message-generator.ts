/**
 * Serving through `Model.sample`, for policies that choose among complete candidate messages. Tokens are
 * reported all at once when the message is complete, because no token is final before then.
 * @see grouped-generator.ts for the grouping of requests into batches
 * @module
 */
import { EngineError } from '../../support/errors.ts';
import type { Completion, Model } from '../engine.ts';
import type { Generation, GenerationRequest, GeneratorOptions, MessageGenerator } from '../generation.ts';
import { GroupedGenerator, type GroupProgress, type PendingGeneration } from './grouped-generator.ts';

export interface WholeMessageParts {
  readonly sample: Model['sample'];
  /** Maximum length of context plus message, tokens. */
  readonly maxPositions: number;
}

/**
 * Maximum number of messages decoded together. It is small, because every message samples several candidates,
 * and all messages of a batch end with the longest candidate.
 */
const MAX_BATCH = 8;

/** Creates a generator. It reports the log-probabilities that `sample` returns, and no `ranked` tokens. */
export function createWholeMessageGenerator(
  { sample, maxPositions }: WholeMessageParts,
  { maxBatch = MAX_BATCH, ...options }: GeneratorOptions = {},
): MessageGenerator {
  return new GroupedGenerator(
    {
      maxPositions,
      check,
      // requests with different maxTokens form different groups, because the chosen candidate depends on
      // maxTokens
      groupKey: ({ temperature, maxTokens }) => `${temperature} ${maxTokens}`,
      decode: (group, progress) => sampleGroup(sample, group, progress),
    },
    { ...options, maxBatch: Math.min(maxBatch, MAX_BATCH) },
  );
}

/**
 * Rejects requests that `sample` cannot serve, since it draws from the full softmax only. @throws EngineError
 * for greedy or top-p requests
 */
function check({ temperature, topP }: GenerationRequest): void {
  const wrong =
    temperature === 0 ? 'a temperature above 0, got 0' : topP < 1 ? `top_p of 1, got ${topP}` : undefined;
  if (wrong === undefined) return;
  throw new EngineError(
    `engine: expected ${wrong}; a mixture of messages supports neither greedy nor top-p sampling`,
    {
      code: 'TROUPE_ENGINE_UNSUPPORTED',
    },
  );
}

async function sampleGroup(
  sample: Model['sample'],
  group: readonly PendingGeneration[],
  progress: GroupProgress,
): Promise<void> {
  const [first] = group;
  if (first === undefined) return;
  const { temperature, maxTokens } = first.request;
  const groupAbort = new AbortController();
  const onAbort = (): void => {
    if (group.every(({ request }) => request.signal?.aborted)) groupAbort.abort(first.request.signal?.reason);
  };
  for (const { request } of group) request.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const requests = group.map(({ request: { context, stream } }) => ({ context, stream }));
    const completions = await sample(requests, { temperature, maxTokens, signal: groupAbort.signal });
    progress.requireOpen();
    for (const [at, message] of group.entries()) settle(message, completions[at] as Completion, progress);
  } finally {
    for (const { request } of group) request.signal?.removeEventListener('abort', onAbort);
  }
}

function settle(
  { request, settle: end }: PendingGeneration,
  completion: Completion,
  progress: GroupProgress,
): void {
  progress.countTokens(completion.tokens.length);
  try {
    request.signal?.throwIfAborted();
    end(reportTokens(request, completion));
  } catch (error) {
    end({ error }); // an error of one request must not affect the others
  }
}

/**
 * Calls `onToken` for every token; returns the message, cut after the token for which `onToken` returned
 * false.
 */
function reportTokens(
  { onToken, signal }: GenerationRequest,
  { tokens, logp, finish }: Completion,
): Generation {
  for (const [t, token] of tokens.entries()) {
    const goesOn = onToken?.({ token, logp: logp[t] as number });
    signal?.throwIfAborted(); // the callback onToken can abort the request
    if (goesOn === false)
      return { tokens: tokens.slice(0, t + 1), logp: logp.slice(0, t + 1), finish: 'stop' };
  }
  return { tokens, logp, finish };
}
