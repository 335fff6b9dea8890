/**
 * `POST /v1/completions`: for a member the continuation of a raw text; for the team its protocol, with the
 * prompt as the user's message, because protocols are played on chats.
 * @module
 */

import type { MessagePiece } from '../member/member.ts';
import type { Question } from '../team/play.ts';
import {
  type ApiLimits,
  type Caller,
  playQuestions,
  requestStream,
  samplingOf,
  unshown,
} from './answering.ts';
import { type CompletionRequest, promptsOf } from './completion-request.ts';
import { invalid } from './errors.ts';
import type { ModelTable, ServedModel } from './models.ts';
import { textLogprobs } from './responses.ts';
import { troupeChoice, usageOf } from './troupe-fields.ts';

export interface CompletionPlan {
  readonly model: ServedModel;
  /** All choices of the first prompt, then those of the next. */
  readonly questions: readonly Omit<Question, 'signal' | 'fairKey'>[];
  readonly request: CompletionRequest;
}

/** @throws ApiError naming the field that cannot be */
export function planCompletion(
  request: CompletionRequest,
  models: ModelTable,
  limits: ApiLimits,
): CompletionPlan {
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
    most: { param: 'max_tokens', value: request.max_tokens },
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
    if (typeof prompt !== 'string' && model.member === undefined)
      throw invalid(
        'prompt',
        'prompt: expected a text, got token ids; members of a team need not share a vocabulary',
        'unsupported_value',
      );
    if (prompt === '') throw invalid('prompt', 'prompt: expected a text that is not empty');
    const raw =
      typeof prompt === 'string'
        ? ({ kind: 'text', text: prompt } as const)
        : ({ kind: 'tokens', tokens: prompt } as const);
    return Array.from({ length: choices }, (_, sample) => ({
      messages: [{ role: 'user' as const, content: typeof prompt === 'string' ? prompt : '' }],
      ...(model.member === undefined ? {} : { raw }),
      sampling,
      stream: at === 0 ? stream : stream.child(1000, at),
      sample,
      seeded: request.seed !== undefined,
    }));
  });
  return { model, questions, request };
}

/** @throws ApiError; the signal's reason when it aborts */
export async function answerCompletion(plan: CompletionPlan, caller: Caller): Promise<object> {
  const answers = await playQuestions(plan.model.team, plan.questions, {
    caller,
    listeners: {},
    param: 'prompt',
  });
  return {
    ...envelopeOf(plan, caller),
    choices: answers.map(({ text, finish, logprobs }, index) => ({
      index,
      text,
      logprobs: textLogprobs(plan.request.logprobs === undefined ? undefined : logprobs, 0),
      finish_reason: finish,
    })),
    usage: usageOf(answers.flatMap(({ turns }) => turns)),
    troupe: { protocol: plan.model.team.protocol.name, choices: answers.map(troupeChoice) },
  };
}

/** @throws ApiError; the signal's reason when it aborts; also after chunks were sent */
export async function streamCompletion(
  plan: CompletionPlan,
  caller: Caller,
  send: (chunk: object) => void,
): Promise<void> {
  const { request, questions, model } = plan;
  const envelope = envelopeOf(plan, caller);
  const shown = questions.map(() => ({ text: '', logprobs: 0 }));
  const withUsage = request.stream_options?.include_usage ? { usage: null } : {};
  const chunk = (choice: object, more: object = {}): void =>
    send({ ...envelope, choices: [choice], ...withUsage, ...more });
  const show = (index: number, piece: MessagePiece): void => {
    const so = shown[index] as { text: string; logprobs: number };
    const logprobs = request.logprobs === undefined ? undefined : piece.logprobs;
    chunk({ index, text: piece.text, logprobs: textLogprobs(logprobs, so.text.length), finish_reason: null });
    so.text += piece.text;
    so.logprobs += piece.logprobs.length;
  };
  const answers = await playQuestions(model.team, questions, {
    caller,
    param: 'prompt',
    listeners: {
      onEvent: (event, index) => {
        if (event.kind === 'answer_piece') show(index, event.piece);
      },
      onAnswer: (answer, index) => {
        const so = shown[index] as { text: string; logprobs: number };
        const rest = unshown(answer, so);
        if (rest.text !== '' || rest.logprobs.length > 0) show(index, rest);
        chunk(
          { index, text: '', logprobs: null, finish_reason: answer.finish },
          { troupe: { protocol: model.team.protocol.name, choice: index, ...troupeChoice(answer) } },
        );
      },
    },
  });
  if (request.stream_options?.include_usage)
    send({ ...envelope, choices: [], usage: usageOf(answers.flatMap(({ turns }) => turns)) });
}

function envelopeOf({ model }: CompletionPlan, { requestId }: Caller): object {
  return {
    id: `cmpl-${requestId}`,
    object: 'text_completion',
    created: Math.floor(Date.now() / 1000),
    model: model.name,
    system_fingerprint: model.team.fingerprint,
  };
}
