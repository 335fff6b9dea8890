/**
 * Requests to the hub: what it refuses becomes one line that says what to do. It is asked again only when it
 * says so (429 with Retry-After) or may have slipped (5xx, a broken connection), a few times, and never
 * without a word.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, type TroupeError } from '../support/errors.ts';
import type { HubSettings } from './settings.ts';

/** How often a request is made at most. */
const TRIES = 4;
/** Waits longer than this are the user's to decide, seconds. */
const LONGEST_WAIT_S = 120;
/** First wait where the hub names none, doubled each time, seconds. */
const FIRST_WAIT_S = 1;
/** Nothing heard for this long means a broken connection, ms. */
const SILENCE_MS = 60_000;

export interface RequestOptions {
  /** The model as the user wrote it, for messages. */
  readonly model: string;
  readonly settings: HubSettings;
  readonly signal?: AbortSignal;
  /** Told before every wait. */
  readonly onNote?: (text: string) => void;
  /** For tests: waits so many milliseconds. */
  readonly wait?: (ms: number) => Promise<void>;
}

/** The `fetch` that the hub's client is given. */
export function createHubFetch(options: RequestOptions): typeof fetch {
  const wait = options.wait ?? ((ms: number) => sleep(ms, undefined, { signal: options.signal }));
  return async (input, init) => {
    for (let attempt = 1; ; attempt++) {
      options.signal?.throwIfAborted();
      const answer = await ask(input, init, options);
      if (answer instanceof Response && (answer.ok || isAbsentFile(answer))) return answer;
      const problem = answer instanceof Response ? refusal(answer, options) : unreachable(answer, options);
      const waitS = attempt < TRIES ? waitBeforeRetry(answer, attempt) : undefined;
      if (answer instanceof Response) await answer.body?.cancel();
      if (waitS === undefined || waitS > LONGEST_WAIT_S) throw problem;
      const why = answer instanceof Response ? `answers ${answer.status}` : 'cannot be reached';
      options.onNote?.(
        `${options.model}: the hub ${why}; trying again in ${waitS} s (${attempt} of ${TRIES - 1})`,
      );
      await wait(waitS * 1000);
    }
  };
}

async function ask(
  input: Parameters<typeof fetch>[0],
  init: RequestInit | undefined,
  { signal }: RequestOptions,
): Promise<Response | Error> {
  const silence = AbortSignal.timeout(SILENCE_MS);
  try {
    // for the beginning of the answer only; a body that stops coming is given up by `fetch` itself
    return await raceSilence(fetch(input, { ...init, ...(signal && { signal }) }), silence);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    return error instanceof Error ? error : new Error(String(error));
  }
}

function raceSilence(answer: Promise<Response>, silence: AbortSignal): Promise<Response> {
  const late = new Promise<never>((_, reject) =>
    silence.addEventListener('abort', () => reject(new Error(`no answer in ${SILENCE_MS / 1000} s`))),
  );
  return Promise.race([answer, late]);
}

/** The client asks for files that need not be there and wants to see this answer. */
function isAbsentFile(response: Response): boolean {
  return response.status === 404 && response.headers.get('X-Error-Code') === 'EntryNotFound';
}

/** @returns seconds, or undefined where asking again is pointless */
function waitBeforeRetry(answer: Response | Error, attempt: number): number | undefined {
  const growing = FIRST_WAIT_S * 2 ** (attempt - 1);
  if (!(answer instanceof Response)) return growing;
  if (answer.status !== 429 && answer.status < 500) return undefined;
  return retryAfter(answer.headers.get('Retry-After')) ?? growing;
}

/** Seconds of a Retry-After header, which is a number or a date. */
export function retryAfter(header: string | null, nowMs = Date.now()): number | undefined {
  if (header === null || header.trim() === '') return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, Math.ceil(seconds));
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - nowMs) / 1000));
}

function refusal({ status, headers }: Response, { model, settings }: RequestOptions): TroupeError {
  const { endpoint, token } = settings;
  const repo = model.replace(/^hf:/, '').replace(/@.*$/, '');
  const says = `${model}: ${endpoint} answers ${status}`;
  if (status === 401)
    return hubError(
      token === undefined
        ? `${says}: no such model, or one that needs a token; check the name, or set HF_TOKEN`
        : `${says}: it does not take the token in HF_TOKEN; make a new one that may read the model`,
    );
  if (status === 403)
    return hubError(
      `${says}: access is not granted; accept its terms at ${endpoint}/${repo} and set HF_TOKEN`,
    );
  if (status === 404)
    return hubError(`${says}: no such model or revision; check both (a private model needs HF_TOKEN)`);
  if (status === 429) {
    const seconds = retryAfter(headers.get('Retry-After'));
    const when = seconds === undefined ? 'later' : `in ${seconds} s`;
    return hubError(
      `${says}: too many requests; try again ${when}, or set HF_TOKEN for a higher limit`,
      true,
    );
  }
  return hubError(`${says}; try again later`, status >= 500);
}

function unreachable(error: Error, { model, settings }: RequestOptions): TroupeError {
  const cause = error.cause instanceof Error ? error.cause : error;
  const why = ('code' in cause && typeof cause.code === 'string' ? cause.code : cause.message).replace(
    /\s+/g,
    ' ',
  );
  return hubError(
    `${model}: ${settings.endpoint} cannot be reached (${why}); check the network, or set HF_HUB_OFFLINE=1 to use what is in ${settings.cacheDir}`,
    true,
  );
}

/** A hub that does not give what was asked for. */
export function hubError(message: string, retryable = false): EngineError {
  return new EngineError(message, { code: 'TROUPE_HUB', retryable });
}
