/**
 * `POST /v1/completions`. An agent continues the raw text or token ids of the prompt. For the team, the
 * prompt becomes a user message, because protocols take chats as input.
 * @module
 */
import type { MessageDelta } from '../agent/served-agent.ts';
import { type CompletionRequest, promptsOf } from './completion-request.ts';
import { invalid } from './errors.ts';
import {
  type ChoiceQuestion,
  type GenerationContext,
  generateChoices,
  type SentText,
  unsentPart,
} from './generate-choices.ts';
import type { ModelTable, ServedModel } from './models.ts';
import { textLogprobs } from './responses.ts';
import { type ApiLimits, requestStream, samplingOf } from './sampling.ts';
import { troupeChoice, usageOf } from './troupe-field.ts';

/** A validated completion request. */
export interface PreparedCompletion {
  readonly model: ServedModel;
  /** One question per choice: all choices of the first prompt, then those of the second prompt, and so on. */
  readonly questions: readonly ChoiceQuestion[];
  readonly request: CompletionRequest;
}

/** @throws ApiError that names the invalid field */
export function prepareCompletion(
  request: CompletionRequest,
  models: ModelTable,
  limits: ApiLimits,
): PreparedCompletion {
  const model = models.get(request.model, 'model');
  if (request.stream_options !== undefined && request.stream !== true)
    throw invalid('stream_options', 'stream_options: expected stream to be true with it');
  const choices = request.n ?? 1;
  if (request.best_of !== undefined && request.best_of > choices)
    throw invalid(
      'best_of',
      `best_of: expected at most n = ${choices}, got ${request.best_of}`,
      'unsupported_value',
    );
  const sampling = samplingOf(request, model.team, {
    limits,
    maxTokens: { param: 'max_tokens', value: request.max_tokens },
    topLogprobs: request.logprobs,
  });
  const prompts = promptsOf(request.prompt);
  if (prompts.length * choices > limits.maxChoices)
    throw invalid(
      'prompt',
      `prompt: expected at most ${limits.maxChoices} choices of all prompts together, got ${prompts.length * choices}`,
    );
  const stream = requestStream(request.seed);
  const questions = prompts.flatMap((prompt, at) => {
    if (typeof prompt !== 'string' && model.agent === undefined)
      throw invalid(
        'prompt',
        'prompt: expected a text, got token ids; the agents of a team need not share a vocabulary',
        'unsupported_value',
      );
    if (prompt === '') throw invalid('prompt', 'prompt: expected a text that is not empty');
    const raw =
      typeof prompt === 'string'
        ? ({ kind: 'text', text: prompt } as const)
        : ({ kind: 'tokens', tokens: prompt } as const);
    return Array.from({ length: choices }, (_, sample) => ({
      messages: [{ role: 'user' as const, content: typeof prompt === 'string' ? prompt : '' }],
      ...(model.agent === undefined ? {} : { raw }),
      sampling,
      stream: at === 0 ? stream : stream.child(1000, at),
      sample,
      seeded: request.seed !== undefined,
    }));
  });
  return { model, questions, request };
}

/** @throws ApiError if the team gives no answer; the signal's reason if it aborts */
export async function createCompletion(
  { model, questions, request }: PreparedCompletion,
  context: GenerationContext,
): Promise<object> {
  const answers = await generateChoices(model.team, questions, { context, listeners: {}, param: 'prompt' });
  return {
    ...responseHeader(model, context),
    choices: answers.map(({ text, finish, logprobs }, index) => ({
      index,
      text,
      logprobs: textLogprobs(request.logprobs === undefined ? undefined : logprobs, 0),
      finish_reason: finish,
    })),
    usage: usageOf(answers.flatMap(({ turns }) => turns)),
    troupe: { protocol: model.team.protocol.name, choices: answers.map(troupeChoice) },
  };
}

/**
 * @param send - called with each chunk
 * @throws ApiError if the team gives no answer, the signal's reason if it aborts; both may happen after the
 *   first chunk
 */
export async function streamCompletion(
  { model, questions, request }: PreparedCompletion,
  context: GenerationContext,
  send: (chunk: object) => void,
): Promise<void> {
  const header = responseHeader(model, context);
  const sentTexts = questions.map((): SentText => ({ text: '', logprobs: 0 }));
  const includeUsage = request.stream_options?.include_usage === true;
  const sendChunk = (choice: object, more: object = {}): void =>
    send({ ...header, choices: [choice], ...(includeUsage ? { usage: null } : {}), ...more });
  const sendDelta = (index: number, { text, logprobs }: MessageDelta): void => {
    const sent = sentTexts[index] as SentText; // one per question
    const requested = request.logprobs === undefined ? undefined : logprobs;
    sendChunk({ index, text, logprobs: textLogprobs(requested, sent.text.length), finish_reason: null });
    sent.text += text;
    sent.logprobs += logprobs.length;
  };
  const answers = await generateChoices(model.team, questions, {
    context,
    param: 'prompt',
    listeners: {
      onEvent: (event, index) => {
        if (event.kind === 'answer_delta') sendDelta(index, event.delta);
      },
      onAnswer: (answer, index) => {
        const rest = unsentPart(answer, sentTexts[index] as SentText);
        if (rest.text !== '' || rest.logprobs.length > 0) sendDelta(index, rest);
        sendChunk(
          { index, text: '', logprobs: null, finish_reason: answer.finish },
          { troupe: { protocol: model.team.protocol.name, choice: index, ...troupeChoice(answer) } },
        );
      },
    },
  });
  if (includeUsage) send({ ...header, choices: [], usage: usageOf(answers.flatMap(({ turns }) => turns)) });
}

function responseHeader(model: ServedModel, { requestId }: GenerationContext): object {
  return {
    id: `cmpl-${requestId}`,
    object: 'text_completion',
    created: Math.floor(Date.now() / 1000),
    model: model.name,
    system_fingerprint: model.team.fingerprint,
  };
}
