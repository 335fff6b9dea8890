/**
 * `POST /v1/chat/completions`. Each choice of the response is one run of the team's protocol. The response is
 * one JSON object or a stream of chunks.
 * @module
 */
import type { ChatMessage } from '../../engine/engine.ts';
import type { MessageDelta } from '../agent/served-agent.ts';
import type { TeamAnswer, TeamEvent } from '../team/team-answer.ts';
import type { ChatRequest } from './chat-request.ts';
import { invalid } from './errors.ts';
import {
  type ChoiceListeners,
  type ChoiceQuestion,
  type GenerationContext,
  generateChoices,
  type SentText,
  unsentPart,
} from './generate-choices.ts';
import type { ModelTable, ServedModel } from './models.ts';
import { chatLogprobs } from './responses.ts';
import { type ApiLimits, requestStream, samplingOf } from './sampling.ts';
import { agentFields, troupeChoice, usageOf } from './troupe-field.ts';

/**
 * A validated chat request. Generation can still refuse its prompt, if the prompt is too long or not
 * supported.
 */
export interface PreparedChat {
  readonly model: ServedModel;
  readonly choices: number;
  readonly question: Omit<ChoiceQuestion, 'sample'>;
  readonly request: ChatRequest;
}

/** @throws ApiError that names the invalid field */
export function prepareChat(request: ChatRequest, models: ModelTable, limits: ApiLimits): PreparedChat {
  const model = models.get(request.model, 'model');
  if (request.top_logprobs !== undefined && request.logprobs !== true)
    throw invalid('top_logprobs', 'top_logprobs: expected logprobs to be true with it');
  if (request.stream_options !== undefined && request.stream !== true)
    throw invalid('stream_options', 'stream_options: expected stream to be true with it');
  if (request.troupe?.stream_agents && request.stream !== true)
    throw invalid('troupe.stream_agents', 'troupe.stream_agents: expected stream to be true with it');
  const messages = request.messages.map(({ role, content }): ChatMessage => {
    return { role: role === 'developer' ? 'system' : role, content };
  });
  const last = messages.length - 1;
  if (messages[last]?.role !== 'user')
    throw invalid(
      `messages[${last}].role`,
      `messages[${last}].role: expected the last message to be the user's, got ${messages[last]?.role}`,
    );
  const param = request.max_completion_tokens === undefined ? 'max_tokens' : 'max_completion_tokens';
  const sampling = samplingOf(request, model.team, {
    limits,
    maxTokens: { param, value: request.max_completion_tokens ?? request.max_tokens },
    topLogprobs: request.logprobs === true ? (request.top_logprobs ?? 0) : undefined,
  });
  return {
    model,
    choices: request.n ?? 1,
    request,
    question: { messages, sampling, stream: requestStream(request.seed), seeded: request.seed !== undefined },
  };
}

/** Fields that are equal in all chunks of a response. */
interface ResponseHeader {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

function responseHeader({ model }: PreparedChat, { requestId }: GenerationContext): ResponseHeader {
  return {
    id: `chatcmpl-${requestId}`,
    created: Math.floor(Date.now() / 1000),
    model: model.name,
    system_fingerprint: model.team.fingerprint,
  };
}

/** @throws ApiError if the team gives no answer; the signal's reason if it aborts */
export async function createChatCompletion(chat: PreparedChat, context: GenerationContext): Promise<object> {
  const answers = await generate(chat, context);
  return {
    ...responseHeader(chat, context),
    object: 'chat.completion',
    choices: answers.map(({ text, finish, logprobs }, index) => ({
      index,
      message: { role: 'assistant', content: text, refusal: null },
      logprobs: chatLogprobs(chat.request.logprobs === true ? logprobs : undefined),
      finish_reason: finish,
    })),
    usage: usageOf(answers.flatMap(({ turns }) => turns)),
    troupe: { protocol: chat.model.team.protocol.name, choices: answers.map(troupeChoice) },
  };
}

/**
 * @param send - called with each chunk
 * @throws ApiError if the team gives no answer, the signal's reason if it aborts; both may happen after the
 *   first chunk
 */
export async function streamChatCompletion(
  chat: PreparedChat,
  context: GenerationContext,
  send: (chunk: object) => void,
): Promise<void> {
  const stream = new ChatStream(chat, responseHeader(chat, context), send);
  const answers = await generate(chat, context, {
    deltas: chat.request.troupe?.stream_agents ? 'all' : 'answer',
    onEvent: (event, index) => stream.onEvent(event, index),
    onAnswer: (answer, index) => stream.endChoice(answer, index),
  });
  stream.end(answers);
}

function generate(
  chat: PreparedChat,
  context: GenerationContext,
  listeners: ChoiceListeners = {},
): Promise<TeamAnswer[]> {
  const questions = Array.from({ length: chat.choices }, (_, sample) => ({ ...chat.question, sample }));
  return generateChoices(chat.model.team, questions, { context, listeners, param: 'messages' });
}

/** Creates and sends the chunks of one streamed response. */
class ChatStream {
  readonly #chat: PreparedChat;
  readonly #header: ResponseHeader;
  readonly #send: (chunk: object) => void;
  /** By choice. */
  readonly #sent: SentText[];

  constructor(chat: PreparedChat, header: ResponseHeader, send: (chunk: object) => void) {
    this.#chat = chat;
    this.#header = header;
    this.#send = send;
    this.#sent = Array.from({ length: chat.choices }, () => ({ text: '', logprobs: 0 }));
  }

  onEvent(event: TeamEvent, index: number): void {
    if (event.kind === 'answer_delta') this.#sendDelta(index, event.delta);
    else if (this.#chat.request.troupe?.stream_agents) this.#sendAgentEvent(event, index);
  }

  /** Sends the unsent part of a choice, its finish reason, and its `troupe` field. */
  endChoice(answer: TeamAnswer, index: number): void {
    const sent = this.#sent[index] as SentText; // one per choice
    const rest = unsentPart(answer, sent);
    if (rest.text !== '' || rest.logprobs.length > 0 || sent.text === '') this.#sendDelta(index, rest);
    this.#sendChunk([{ index, delta: {}, logprobs: null, finish_reason: answer.finish }], {
      troupe: { protocol: this.#chat.model.team.protocol.name, choice: index, ...troupeChoice(answer) },
    });
  }

  /** Sends the token usage if the client requested it. */
  end(answers: readonly TeamAnswer[]): void {
    if (!this.#chat.request.stream_options?.include_usage) return;
    this.#send({
      ...this.#header,
      object: 'chat.completion.chunk',
      choices: [],
      usage: usageOf(answers.flatMap(({ turns }) => turns)),
    });
  }

  #sendDelta(index: number, { text, logprobs }: MessageDelta): void {
    const sent = this.#sent[index] as SentText;
    const isFirst = sent.text === '' && sent.logprobs === 0;
    sent.text += text;
    sent.logprobs += logprobs.length;
    const hasLogprobs = this.#chat.request.logprobs === true && logprobs.length > 0;
    this.#sendChunk([
      {
        index,
        delta: { ...(isFirst ? { role: 'assistant' } : {}), content: text },
        logprobs: chatLogprobs(hasLogprobs ? logprobs : undefined),
        finish_reason: null,
      },
    ]);
  }

  /** Sends an agent's event in a chunk without choices. Clients of the OpenAI API ignore such chunks. */
  #sendAgentEvent(event: Exclude<TeamEvent, { kind: 'answer_delta' }>, index: number): void {
    const fields =
      event.kind === 'agent_end'
        ? agentFields(event.turn)
        : {
            name: this.#chat.model.team.agents[event.agent]?.name ?? '',
            turn: event.turn,
            ...(event.kind === 'agent_delta' ? { content: event.delta.text } : {}),
          };
    this.#sendChunk([], { troupe: { event: event.kind, choice: index, ...fields } });
  }

  #sendChunk(choices: readonly object[], more: object = {}): void {
    const usage = this.#chat.request.stream_options?.include_usage ? { usage: null } : {};
    this.#send({ ...this.#header, object: 'chat.completion.chunk', choices, ...usage, ...more });
  }
}
