/**
 * The common interface of the two generation endpoints, which the HTTP handler calls: it validates a body,
 * then generates a response or a stream of chunks.
 * @module
 */
import { createChatCompletion, prepareChat, streamChatCompletion } from './chat-completions.ts';
import { chatRequestSchema } from './chat-request.ts';
import { completionRequestSchema } from './completion-request.ts';
import { createCompletion, prepareCompletion, streamCompletion } from './completions.ts';
import type { GenerationContext } from './generate-choices.ts';
import type { ModelTable } from './models.ts';
import { parseRequest } from './parse-request.ts';
import type { ApiLimits } from './sampling.ts';

/** A validated request for a chat completion or a completion. */
export interface PreparedRequest {
  readonly isStream: boolean;
  readonly choices: number;
  /** Name of the requested model. */
  readonly model: string;
  /** The messages or prompts of the request; written to the log if the operator enabled it. */
  readonly prompts: unknown;
  /** @throws ApiError if the team gives no answer; the signal's reason if it aborts */
  generate(context: GenerationContext): Promise<object>;
  /**
   * Passes the chunks of the response to `send`.
   *
   * @throws ApiError if the team gives no answer, the signal's reason if it aborts; both may happen after the
   *   first chunk
   */
  generateStream(context: GenerationContext, send: (chunk: object) => void): Promise<void>;
}

export interface GenerationEndpoint {
  readonly route: string;
  /** Validates the body of a request. @throws ApiError that names the invalid field */
  prepare(body: string): PreparedRequest;
}

export function generationEndpoints(models: ModelTable, limits: ApiLimits): GenerationEndpoint[] {
  return [
    {
      route: '/v1/chat/completions',
      prepare: (body) => {
        const request = parseRequest(body, chatRequestSchema);
        const chat = prepareChat(request, models, limits);
        return {
          isStream: request.stream === true,
          choices: chat.choices,
          model: chat.model.name,
          prompts: request.messages,
          generate: (context) => createChatCompletion(chat, context),
          generateStream: (context, send) => streamChatCompletion(chat, context, send),
        };
      },
    },
    {
      route: '/v1/completions',
      prepare: (body) => {
        const request = parseRequest(body, completionRequestSchema);
        const completion = prepareCompletion(request, models, limits);
        return {
          isStream: request.stream === true,
          choices: completion.questions.length,
          model: completion.model.name,
          prompts: request.prompt,
          generate: (context) => createCompletion(completion, context),
          generateStream: (context, send) => streamCompletion(completion, context, send),
        };
      },
    },
  ];
}
