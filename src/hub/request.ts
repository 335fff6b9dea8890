/**
 * Requests to the hub. A refused request becomes a one-line error with advice. A request is retried a few
 * times after status 429 or 5xx and after a broken connection. Every retry is reported.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, type TroupeError } from '../support/errors.ts';
import type { HubSettings } from './settings.ts';

/** Maximum number of attempts of one request. */
const MAX_ATTEMPTS = 4;
/** Longest wait before a retry, s. If the hub requests a longer wait, the request fails. */
const MAX_WAIT_S = 120;
/**
 * Wait before the first retry if the response has no Retry-After header, s. The wait doubles with each retry.
 */
const FIRST_WAIT_S = 1;
/** Time limit for the response headers, ms. After this time, the connection counts as broken. */
const RESPONSE_TIMEOUT_MS = 60_000;

export interface RequestOptions {
  /** Reference of the model, used in messages. */
  readonly model: string;
  readonly settings: HubSettings;
  readonly signal?: AbortSignal;
  /** Called with a one-line message before every wait. */
  readonly onNote?: (text: string) => void;
  /** Replaces the wait in tests; called with its length in milliseconds. */
  readonly wait?: (ms: number) => Promise<void>;
}

/** Creates a `fetch` function with retries for the hub client. */
export function createHubFetch(options: RequestOptions): typeof fetch {
  const wait = options.wait ?? ((ms: number) => sleep(ms, undefined, { signal: options.signal }));
  return async (input, init) => {
    for (let attempt = 1; ; attempt++) {
      options.signal?.throwIfAborted();
      const response = await request(input, init, options);
      if (response instanceof Response && (response.ok || isAbsentFile(response))) return response;
      const problem =
        response instanceof Response ? refusal(response, options) : unreachable(response, options);
      const waitS = attempt < MAX_ATTEMPTS ? waitBeforeRetry(response, attempt) : undefined;
      if (response instanceof Response) await response.body?.cancel();
      if (waitS === undefined || waitS > MAX_WAIT_S) throw problem;
      const why = response instanceof Response ? `answers ${response.status}` : 'cannot be reached';
      options.onNote?.(
        `${options.model}: the hub ${why}; trying again in ${waitS} s (${attempt} of ${MAX_ATTEMPTS - 1})`,
      );
      await wait(waitS * 1000);
    }
  };
}

/** @returns the response, or the error of the connection */
async function request(
  input: Parameters<typeof fetch>[0],
  init: RequestInit | undefined,
  { signal }: RequestOptions,
): Promise<Response | Error> {
  const timeout = AbortSignal.timeout(RESPONSE_TIMEOUT_MS);
  try {
    // the timeout applies until the headers arrive; `fetch` itself detects a stalled body
    return await withTimeout(fetch(input, { ...init, ...(signal && { signal }) }), timeout);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    return error instanceof Error ? error : new Error(String(error));
  }
}

function withTimeout(response: Promise<Response>, timeout: AbortSignal): Promise<Response> {
  const late = new Promise<never>((_, reject) =>
    timeout.addEventListener('abort', () =>
      reject(new Error(`no answer in ${RESPONSE_TIMEOUT_MS / 1000} s`)),
    ),
  );
  return Promise.race([response, late]);
}

/**
 * Whether the hub responded that a file does not exist. The hub client expects this response for optional
 * files.
 */
function isAbsentFile(response: Response): boolean {
  return response.status === 404 && response.headers.get('X-Error-Code') === 'EntryNotFound';
}

/** @returns wait before the next attempt, s; undefined if the request must not be retried */
function waitBeforeRetry(response: Response | Error, attempt: number): number | undefined {
  const growing = FIRST_WAIT_S * 2 ** (attempt - 1);
  if (!(response instanceof Response)) return growing;
  if (response.status !== 429 && response.status < 500) return undefined;
  return retryAfter(response.headers.get('Retry-After')) ?? growing;
}

/** Parses a Retry-After header, which is a number of seconds or a date. @returns the wait, s */
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
  const start = `${model}: ${endpoint} answers ${status}`;
  if (status === 401)
    return hubError(
      token === undefined
        ? `${start}: no such model, or one that needs a token; check the name, or set HF_TOKEN`
        : `${start}: the token in HF_TOKEN is not valid; create one that can read the model`,
    );
  if (status === 403)
    return hubError(
      `${start}: access is not granted; accept its terms at ${endpoint}/${repo} and set HF_TOKEN`,
    );
  if (status === 404)
    return hubError(`${start}: no such model or revision; check both (a private model needs HF_TOKEN)`);
  if (status === 429) {
    const seconds = retryAfter(headers.get('Retry-After'));
    const when = seconds === undefined ? 'later' : `in ${seconds} s`;
    return hubError(
      `${start}: too many requests; try again ${when}, or set HF_TOKEN for a higher limit`,
      true,
    );
  }
  return hubError(`${start}; try again later`, status >= 500);
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

/** Creates the error of a failed request to the hub. */
export function hubError(message: string, retryable = false): EngineError {
  return new EngineError(message, { code: 'TROUPE_HUB', retryable });
}
