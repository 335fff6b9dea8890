/**
 * Reads the response of an OpenAI-compatible endpoint, streamed or as one JSON object. A malformed,
 * implausible or truncated response always becomes an error, never an answer.
 * @module
 */
import { createParser } from 'eventsource-parser';
import { z } from 'zod';
import type { AgentMessage, AgentRequest, SamplingParams, TokenLogprob } from './served-agent.ts';
import { StopSequenceScanner } from './stop-sequences.ts';

/** Error for a response that cannot be used. Another attempt may succeed. */
export class EndpointResponseError extends Error {
  override readonly name = 'EndpointResponseError';
}

/** Error for an endpoint that sent no byte within the time limit. */
export class EndpointStallError extends EndpointResponseError {}

const tokenSchema = z.looseObject({
  token: z.string(),
  logprob: z.number(),
  bytes: z.array(z.int().min(0).max(255)).nullish(),
});

const choiceSchema = z.looseObject({
  delta: z.looseObject({ content: z.string().nullish() }).nullish(),
  message: z.looseObject({ content: z.string().nullish() }).nullish(),
  text: z.string().nullish(),
  finish_reason: z.string().nullish(),
  // log-probabilities of `/completions` have a different structure and are ignored
  logprobs: z
    .looseObject({
      content: z.array(tokenSchema.extend({ top_logprobs: z.array(tokenSchema).nullish() })).nullish(),
    })
    .nullish()
    .catch(null),
});

const chunkSchema = z.looseObject({
  choices: z.array(choiceSchema).nullish(),
  usage: z
    .looseObject({ prompt_tokens: z.int().min(0), completion_tokens: z.int().min(0) })
    .nullish()
    .catch(null),
  error: z.unknown().optional(),
});

/** Maximum length of a server-sent event, or of a response that is not streamed, UTF-16 code units. */
const MAX_EVENT_LENGTH = 1 << 20;
/**
 * Maximum mean number of characters per token. Longer texts are truncated, because no vocabulary has a higher
 * mean.
 */
const MAX_CHARACTERS_PER_TOKEN = 32;
/** Largest accepted log-probability, nats. Rounding may raise a log-probability slightly above 0. */
const LOGPROB_TOLERANCE = 1e-3;

/** A message of an endpoint. It has no token ids, because only models in this process have them. */
export type EndpointMessage = Omit<AgentMessage, 'tokens' | 'attempts'>;

/** Collects one message from the chunks of a response. */
export class EndpointResponseReader {
  readonly #sampling: SamplingParams;
  readonly #onDelta: AgentRequest['onDelta'];
  readonly #onUsage: AgentRequest['onUsage'];
  readonly #scanner: StopSequenceScanner;
  readonly #logprobs: TokenLogprob[] = [];
  /** Number of log-probabilities that were already emitted. */
  #emittedLogprobs = 0;
  #text = '';
  #chunks = 0;
  #finish: string | undefined;
  #usage: z.output<typeof chunkSchema>['usage'];
  /** Whether every token so far has a valid log-probability. */
  #hasLogprobs = true;
  #isComplete = false;

  constructor({ sampling, onDelta, onUsage }: Pick<AgentRequest, 'sampling' | 'onDelta' | 'onUsage'>) {
    this.#sampling = sampling;
    this.#onDelta = onDelta;
    this.#onUsage = onUsage;
    this.#scanner = new StopSequenceScanner(sampling.stop);
  }

  /** Whether the message is complete. The endpoint may still send more text. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Reads the JSON text of one chunk or of a whole response. @throws EndpointResponseError */
  read(json: string): void {
    const parsed = chunkSchema.safeParse(parseJson(json));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new EndpointResponseError(
        `expected a chat completion, got one that is malformed at "${issue?.path.join('.')}"`,
      );
    }
    const { choices, usage, error } = parsed.data;
    if (error !== undefined && error !== null)
      throw new EndpointResponseError('expected an answer, got an error event');
    if (usage) this.#usage = usage;
    const [first] = choices ?? [];
    if (first === undefined || this.#isComplete) return;
    const text = first.delta?.content ?? first.message?.content ?? first.text ?? '';
    this.#addLogprobs(first.logprobs?.content ?? undefined, text);
    if (text !== '') this.#addText(text);
    if (typeof first.finish_reason === 'string') this.#finish = first.finish_reason;
  }

  /** Handles the `[DONE]` event. */
  close(): void {
    this.#finish ??= 'stop';
  }

  /** Ends the message and returns it. @throws EndpointResponseError if the response was truncated */
  end(): EndpointMessage {
    if (this.#finish === undefined && !this.#isComplete)
      throw new EndpointResponseError('expected a complete answer, got a truncated one');
    const rest = this.#isComplete ? '' : this.#scanner.end();
    if (rest !== '') this.#emit(rest, []);
    const reported = this.#usage?.completion_tokens;
    const counted = Math.max(this.#chunks, this.#logprobs.length);
    const isPlausible =
      reported !== undefined &&
      reported <= this.#sampling.maxTokens &&
      reported * MAX_CHARACTERS_PER_TOKEN >= this.#text.length;
    const sum = this.#logprobs.reduce((total, { logprob }) => total + logprob, 0);
    const hasLogprobs = this.#hasLogprobs && this.#logprobs.length > 0;
    return {
      text: this.#text,
      finish: this.#finish === 'length' ? 'length' : 'stop',
      logprobs: hasLogprobs ? this.#logprobs : [],
      meanLogp: hasLogprobs ? sum / this.#logprobs.length : Number.NEGATIVE_INFINITY,
      usage: {
        promptTokens: this.#usage?.prompt_tokens ?? 0,
        completionTokens: isPlausible ? reported : counted,
      },
    };
  }

  #addText(piece: string): void {
    this.#chunks++;
    this.#onUsage?.({ promptTokens: 0, completionTokens: this.#chunks });
    const { text, isStopped } = this.#scanner.push(piece);
    const room = this.#sampling.maxTokens * MAX_CHARACTERS_PER_TOKEN - this.#text.length;
    if (text !== '' && room > 0) this.#emit(text.slice(0, room), this.#logprobs.slice(this.#emittedLogprobs));
    if (isStopped) this.#complete('stop');
    else if (text.length > room) this.#complete('length');
  }

  #emit(text: string, logprobs: readonly TokenLogprob[]): void {
    this.#emittedLogprobs = this.#logprobs.length;
    this.#text += text;
    this.#onDelta?.({ text, logprobs: this.#sampling.topLogprobs === undefined ? [] : logprobs });
  }

  #complete(finish: 'stop' | 'length'): void {
    this.#finish = finish;
    this.#isComplete = true;
  }

  #addLogprobs(
    content:
      | readonly (z.output<typeof tokenSchema> & {
          top_logprobs?: readonly z.output<typeof tokenSchema>[] | null | undefined;
        })[]
      | undefined,
    text: string,
  ): void {
    if (content === undefined || content.length === 0) {
      if (text !== '') this.#hasLogprobs = false;
      return;
    }
    for (const { top_logprobs, ...token } of content) {
      if (!(token.logprob <= LOGPROB_TOLERANCE)) this.#hasLogprobs = false; // a probability above 1
      const top = (top_logprobs ?? []).slice(0, this.#sampling.topLogprobs ?? 0);
      this.#logprobs.push({ ...tokenLogprob(token), top: top.map(tokenLogprob) });
    }
  }
}

function tokenLogprob({ token, logprob, bytes }: z.output<typeof tokenSchema>): Omit<TokenLogprob, 'top'> {
  return { token, logprob: Math.min(logprob, 0), ...(bytes ? { bytes } : {}) };
}

/**
 * Reads a response body until the body ends or the message is complete.
 *
 * @param onBytes - called for every received chunk of bytes
 * @throws EndpointResponseError
 */
export async function readEndpointResponse(
  response: Response,
  reader: EndpointResponseReader,
  onBytes: () => void,
): Promise<EndpointMessage> {
  const type = response.headers.get('content-type') ?? '';
  const isStream = type.startsWith('text/event-stream');
  if (!isStream && !type.startsWith('application/json'))
    throw new EndpointResponseError(
      `expected an event stream or JSON, got ${type === '' ? 'no content type' : type.slice(0, 60)}`,
    );
  if (response.body === null) throw new EndpointResponseError('expected an answer, got no body');
  const decoder = new TextDecoder();
  /** Number of characters received since the last complete event. */
  let pendingLength = 0;
  let whole = '';
  const parser = createParser({
    onEvent: ({ data }) => {
      pendingLength = 0;
      if (data === '[DONE]') reader.close();
      else reader.read(data);
    },
  });
  for await (const bytes of response.body) {
    onBytes();
    const text = decoder.decode(bytes, { stream: true });
    pendingLength += text.length;
    if (isStream) parser.feed(text);
    else whole += text;
    if (pendingLength > MAX_EVENT_LENGTH)
      throw new EndpointResponseError(
        `expected an event of at most ${MAX_EVENT_LENGTH} characters, got a longer one`,
      );
    if (reader.isComplete) break;
  }
  if (!isStream) reader.read(whole);
  return reader.end();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new EndpointResponseError('expected JSON, got something else');
  }
}
