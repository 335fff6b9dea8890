/**
 * Reads the answer of an OpenAI-compatible endpoint, streamed or whole, and believes as little of it as
 * possible: what is not of the right shape, impossible, or ends in the middle is an error, never an answer.
 * @module
 */
import { createParser } from 'eventsource-parser';
import { z } from 'zod';
import type { Sampling, SpeakRequest, TokenLogprob } from './member.ts';
import { StopScan } from './stop-scan.ts';

/** The endpoint's answer cannot be used; trying again may help. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError';
}

const ranked = z.looseObject({
  token: z.string(),
  logprob: z.number(),
  bytes: z.array(z.int().min(0).max(255)).nullish(),
});

const choice = z.looseObject({
  delta: z.looseObject({ content: z.string().nullish() }).nullish(),
  message: z.looseObject({ content: z.string().nullish() }).nullish(),
  text: z.string().nullish(),
  finish_reason: z.string().nullish(),
  // another shape in `/completions`; what is not this one is not used
  logprobs: z
    .looseObject({ content: z.array(ranked.extend({ top_logprobs: z.array(ranked).nullish() })).nullish() })
    .nullish()
    .catch(null),
});

const chunk = z.looseObject({
  choices: z.array(choice).nullish(),
  usage: z
    .looseObject({ prompt_tokens: z.int().min(0), completion_tokens: z.int().min(0) })
    .nullish()
    .catch(null),
  error: z.unknown().optional(),
});

/** Longest event that is read, bytes. */
const LONGEST_EVENT = 1 << 20;
/** No vocabulary has tokens this long on average; a text that is longer than its tokens could be is cut. */
const LONGEST_TOKEN = 32;
/** Rounding may put a probability of 1 a little above 0 nats. */
const ROUNDING = 1e-3;

export interface Reply {
  readonly text: string;
  readonly finish: 'stop' | 'length';
  readonly logprobs: readonly TokenLogprob[];
  /** -Infinity where none, or impossible ones, were given. */
  readonly meanLogp: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

type ReplyRequest = Pick<SpeakRequest, 'sampling' | 'onPiece' | 'onProgress'>;

/** Collects one answer. */
export class ReplyReader {
  readonly #sampling: Sampling;
  readonly #onPiece: SpeakRequest['onPiece'];
  readonly #onProgress: SpeakRequest['onProgress'];
  readonly #scan: StopScan;
  readonly #logprobs: TokenLogprob[] = [];
  #text = '';
  #pieces = 0;
  #finish: string | undefined;
  #usage: z.output<typeof chunk>['usage'];
  /** Whether every token came with a log-probability that is one. */
  #hasLogprobs = true;
  #done = false;

  constructor({ sampling, onPiece, onProgress }: ReplyRequest) {
    this.#sampling = sampling;
    this.#onPiece = onPiece;
    this.#onProgress = onProgress;
    this.#scan = new StopScan(sampling.stop);
  }

  /** Whether nothing more is needed, though the endpoint may go on. */
  get isDone(): boolean {
    return this.#done;
  }

  /** Reads one JSON text: a chunk, or a whole answer. @throws ReplyError */
  read(json: string): void {
    const parsed = chunk.safeParse(parseJson(json));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new ReplyError(`expected a chat completion, got one that is wrong at "${issue?.path.join('.')}"`);
    }
    const { choices, usage, error } = parsed.data;
    if (error !== undefined && error !== null) throw new ReplyError('expected an answer, got an error event');
    if (usage) this.#usage = usage;
    const [first] = choices ?? [];
    if (first === undefined || this.#done) return;
    const text = first.delta?.content ?? first.message?.content ?? first.text ?? '';
    this.#addLogprobs(first.logprobs?.content ?? undefined, text);
    if (text !== '') this.#add(text);
    if (typeof first.finish_reason === 'string') this.#finish = first.finish_reason;
  }

  /** The endpoint said that it is done. */
  close(): void {
    this.#finish ??= 'stop';
  }

  /** @throws ReplyError if the answer broke off */
  end(): Reply {
    if (this.#finish === undefined && !this.#done)
      throw new ReplyError('expected an answer with an end, got one that broke off');
    const rest = this.#done ? '' : this.#scan.end();
    if (rest !== '') this.#show(rest, []);
    const given = this.#usage?.completion_tokens;
    const counted = Math.max(this.#pieces, this.#logprobs.length);
    const isPlausible =
      given !== undefined && given <= this.#sampling.maxTokens && given * LONGEST_TOKEN >= this.#text.length;
    const sum = this.#logprobs.reduce((total, { logprob }) => total + logprob, 0);
    const hasLogprobs = this.#hasLogprobs && this.#logprobs.length > 0;
    return {
      text: this.#text,
      finish: this.#finish === 'length' ? 'length' : 'stop',
      logprobs: hasLogprobs ? this.#logprobs : [],
      meanLogp: hasLogprobs ? sum / this.#logprobs.length : Number.NEGATIVE_INFINITY,
      promptTokens: this.#usage?.prompt_tokens ?? 0,
      completionTokens: isPlausible ? given : counted,
    };
  }

  #add(piece: string): void {
    this.#pieces++;
    this.#onProgress?.({ promptTokens: 0, completionTokens: this.#pieces });
    const { text, stopped } = this.#scan.push(piece);
    const room = this.#sampling.maxTokens * LONGEST_TOKEN - this.#text.length;
    if (text !== '' && room > 0) this.#show(text.slice(0, room), this.#logprobs.slice(this.#given));
    if (stopped) this.#finishWith('stop');
    else if (text.length > room) this.#finishWith('length');
  }

  #given = 0;

  #show(text: string, logprobs: readonly TokenLogprob[]): void {
    this.#given = this.#logprobs.length;
    this.#text += text;
    this.#onPiece?.({ text, logprobs: this.#sampling.topLogprobs === undefined ? [] : logprobs });
  }

  #finishWith(finish: 'stop' | 'length'): void {
    this.#finish = finish;
    this.#done = true;
  }

  #addLogprobs(
    content:
      | readonly (z.output<typeof ranked> & {
          top_logprobs?: readonly z.output<typeof ranked>[] | null | undefined;
        })[]
      | undefined,
    text: string,
  ): void {
    if (content === undefined || content.length === 0) {
      if (text !== '') this.#hasLogprobs = false;
      return;
    }
    for (const { top_logprobs, ...token } of content) {
      if (!(token.logprob <= ROUNDING)) this.#hasLogprobs = false; // not a log-probability
      const top = (top_logprobs ?? []).slice(0, this.#sampling.topLogprobs ?? 0);
      this.#logprobs.push({ ...named(token), top: top.map(named) });
    }
  }
}

function named({ token, logprob, bytes }: z.output<typeof ranked>): Omit<TokenLogprob, 'top'> {
  return { token, logprob: Math.min(logprob, 0), ...(bytes ? { bytes } : {}) };
}

/**
 * Reads a response body to its end, or until the reader has enough.
 *
 * @param onBytes - called whenever something came
 * @throws ReplyError
 */
export async function readReply(
  response: Response,
  reader: ReplyReader,
  onBytes: () => void,
): Promise<Reply> {
  const type = response.headers.get('content-type') ?? '';
  const isStream = type.startsWith('text/event-stream');
  if (!isStream && !type.startsWith('application/json'))
    throw new ReplyError(
      `expected an event stream or JSON, got ${type === '' ? 'no content type' : type.slice(0, 60)}`,
    );
  if (response.body === null) throw new ReplyError('expected an answer, got no body');
  const decoder = new TextDecoder();
  let pending = 0;
  let whole = '';
  const parser = createParser({
    onEvent: ({ data }) => {
      pending = 0;
      if (data === '[DONE]') reader.close();
      else reader.read(data);
    },
  });
  for await (const bytes of response.body) {
    onBytes();
    const text = decoder.decode(bytes, { stream: true });
    pending += text.length;
    if (isStream) parser.feed(text);
    else whole += text;
    if (pending > LONGEST_EVENT)
      throw new ReplyError(`expected an event of at most ${LONGEST_EVENT} bytes, got a longer one`);
    if (reader.isDone) break;
  }
  if (!isStream) {
    reader.read(whole);
  }
  return reader.end();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ReplyError('expected JSON, got something else');
  }
}
