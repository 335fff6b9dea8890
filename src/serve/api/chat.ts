/**
 * `POST /v1/chat/completions`: one play of the team per choice, whole or as a stream of chunks.
 * @module
 */
import type { ChatMessage } from '../../engine/engine.ts';
import type { MessagePiece } from '../member/member.ts';
import type { Question } from '../team/play.ts';
import type { PlayEvent, TeamAnswer } from '../team/team-answer.ts';
import {
  type ApiLimits,
  type Caller,
  type PlayListeners,
  playQuestions,
  requestStream,
  samplingOf,
  unshown,
} from './answering.ts';
import type { ChatRequest } from './chat-request.ts';
import { invalid } from './errors.ts';
import type { ModelTable, ServedModel } from './models.ts';
import { chatLogprobs } from './responses.ts';
import { memberFields, troupeChoice, usageOf } from './troupe-fields.ts';

/** A chat request, understood: nothing about it can be the client's mistake any more, but its length. */
export interface ChatPlan {
  readonly model: ServedModel;
  readonly choices: number;
  readonly question: Omit<Question, 'sample' | 'signal' | 'fairKey'>;
  readonly request: ChatRequest;
}

/** @throws ApiError naming the field that cannot be */
export function planChat(request: ChatRequest, models: ModelTable, limits: ApiLimits): ChatPlan {
  const model = models.get(request.model, 'model');
  if (request.top_logprobs !== undefined && request.logprobs !== true)
    throw invalid('top_logprobs', 'top_logprobs: expected logprobs to be true with it');
  if (request.stream_options !== undefined && request.stream !== true)
    throw invalid('stream_options', 'stream_options: expected stream to be true with it');
  if (request.troupe?.stream_members && request.stream !== true)
    throw invalid('troupe.stream_members', 'troupe.stream_members: expected stream to be true with it');
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
    most: { param, value: request.max_completion_tokens ?? request.max_tokens },
    topLogprobs: request.logprobs === true ? (request.top_logprobs ?? 0) : undefined,
  });
  return {
    model,
    choices: request.n ?? 1,
    request,
    question: { messages, sampling, stream: requestStream(request.seed), seeded: request.seed !== undefined },
  };
}

interface Envelope {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

function envelopeOf({ model }: ChatPlan, { requestId }: Caller): Envelope {
  return {
    id: `chatcmpl-${requestId}`,
    created: Math.floor(Date.now() / 1000),
    model: model.name,
    system_fingerprint: model.team.fingerprint,
  };
}

/** @throws ApiError; the signal's reason when it aborts */
export async function answerChat(plan: ChatPlan, caller: Caller): Promise<object> {
  const answers = await playAll(plan, caller);
  return {
    ...envelopeOf(plan, caller),
    object: 'chat.completion',
    choices: answers.map(({ text, finish, logprobs }, index) => ({
      index,
      message: { role: 'assistant', content: text, refusal: null },
      logprobs: chatLogprobs(plan.request.logprobs === true ? logprobs : undefined),
      finish_reason: finish,
    })),
    usage: usageOf(answers.flatMap(({ turns }) => turns)),
    troupe: { protocol: plan.model.team.protocol.name, choices: answers.map(troupeChoice) },
  };
}

/**
 * @param send - takes each chunk
 * @throws ApiError; the signal's reason when it aborts; also after chunks were sent
 */
export async function streamChat(
  plan: ChatPlan,
  caller: Caller,
  send: (chunk: object) => void,
): Promise<void> {
  const stream = new ChatStream(plan, envelopeOf(plan, caller), send);
  const answers = await playAll(plan, caller, {
    pieces: plan.request.troupe?.stream_members ? 'all' : 'answer',
    onEvent: (event, index) => stream.hear(event, index),
    onAnswer: (answer, index) => stream.end(answer, index),
  });
  stream.close(answers);
}

function playAll(plan: ChatPlan, caller: Caller, listeners: PlayListeners = {}): Promise<TeamAnswer[]> {
  const questions = Array.from({ length: plan.choices }, (_, sample) => ({ ...plan.question, sample }));
  return playQuestions(plan.model.team, questions, { caller, listeners, param: 'messages' });
}

/** Chunks of one streamed answer. */
class ChatStream {
  readonly #plan: ChatPlan;
  readonly #envelope: Envelope;
  readonly #send: (chunk: object) => void;
  /** What each choice has shown. */
  readonly #shown: { text: string; logprobs: number }[];

  constructor(plan: ChatPlan, envelope: Envelope, send: (chunk: object) => void) {
    this.#plan = plan;
    this.#envelope = envelope;
    this.#send = send;
    this.#shown = Array.from({ length: plan.choices }, () => ({ text: '', logprobs: 0 }));
  }

  hear(event: PlayEvent, index: number): void {
    if (event.kind === 'answer_piece') this.#show(index, event.piece);
    else if (this.#plan.request.troupe?.stream_members) this.#tell(event, index);
  }

  /** The rest of a choice, and how it came about. */
  end(answer: TeamAnswer, index: number): void {
    const shown = this.#shown[index] as { text: string; logprobs: number };
    const rest = unshown(answer, shown);
    if (rest.text !== '' || rest.logprobs.length > 0 || shown.text === '') this.#show(index, rest);
    this.#chunk([{ index, delta: {}, logprobs: null, finish_reason: answer.finish }], {
      troupe: { protocol: this.#plan.model.team.protocol.name, choice: index, ...troupeChoice(answer) },
    });
  }

  close(answers: readonly TeamAnswer[]): void {
    if (!this.#plan.request.stream_options?.include_usage) return;
    this.#send({
      ...this.#envelope,
      object: 'chat.completion.chunk',
      choices: [],
      usage: usageOf(answers.flatMap(({ turns }) => turns)),
    });
  }

  #show(index: number, { text, logprobs }: MessagePiece): void {
    const shown = this.#shown[index] as { text: string; logprobs: number };
    const isFirst = shown.text === '' && shown.logprobs === 0;
    shown.text += text;
    shown.logprobs += logprobs.length;
    const asked = this.#plan.request.logprobs === true && logprobs.length > 0;
    this.#chunk([
      {
        index,
        delta: { ...(isFirst ? { role: 'assistant' } : {}), content: text },
        logprobs: chatLogprobs(asked ? logprobs : undefined),
        finish_reason: null,
      },
    ]);
  }

  /** What a member does, in chunks without choices, which clients of the OpenAI API pass over. */
  #tell(event: Exclude<PlayEvent, { kind: 'answer_piece' }>, index: number): void {
    const name = (member: number): string => this.#plan.model.team.members[member]?.name ?? '';
    const about =
      event.kind === 'member_end'
        ? memberFields(event.turn)
        : {
            name: name(event.member),
            turn: event.turn,
            ...(event.kind === 'member_piece' ? { content: event.piece.text } : {}),
          };
    this.#chunk([], { troupe: { event: event.kind, choice: index, ...about } });
  }

  #chunk(choices: readonly object[], more: object = {}): void {
    const withUsage = this.#plan.request.stream_options?.include_usage ? { usage: null } : {};
    this.#send({ ...this.#envelope, object: 'chat.completion.chunk', choices, ...withUsage, ...more });
  }
}
