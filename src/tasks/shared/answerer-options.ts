/**
 * Whom an environment asks: a model folder, or a model behind an OpenAI-compatible endpoint. A task says whom it
 * wants; whoever makes the task brings them.
 * @module
 */
import type { OptionReader } from '../../support/options.ts';
import type { Answerer } from '../../task/task.ts';

export interface AnswererRequest {
  readonly source:
    | { readonly kind: 'folder'; readonly path: string }
    | {
        readonly kind: 'endpoint';
        /** Up to and including the version, e.g. `http://127.0.0.1:8000/v1`. */
        readonly url: string;
        readonly model: string;
        /** Environment variable that holds the key; absent: none is sent. */
        readonly keyVariable?: string;
      };
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
}

/** Makes the answerer a task asks for. */
export type AnswererFactory = (request: AnswererRequest) => Answerer;

/** The benchmark's sampling, and enough tokens for one sentence or one word. */
const SAMPLING = { temperature: 0.7, topP: 0.7, maxTokens: 256 } as const;

/**
 * Reads `answerer_path`, or `answerer_url` with `answerer_model` and `answerer_key_env`; `answerer_temperature`,
 * `answerer_top_p`, `answerer_max_tokens`. What is missing is rejected at the reader.
 */
export function readAnswerer(options: OptionReader): AnswererRequest {
  const path = options.optionalText('answerer_path');
  const url = options.optionalText('answerer_url');
  const model = options.optionalText('answerer_model');
  const keyVariable = options.optionalText('answerer_key_env');
  const sampling = {
    temperature: options.share('answerer_temperature', SAMPLING.temperature),
    topP: options.share('answerer_top_p', SAMPLING.topP),
    maxTokens: options.integer('answerer_max_tokens', { default: SAMPLING.maxTokens, min: 1, max: 32_768 }),
  };
  if (path === undefined && url === undefined)
    options.reject('answerer_path', 'expected a model folder, or answerer_url instead, got neither');
  if (path !== undefined && url !== undefined)
    options.reject('answerer_url', 'expected one of answerer_path and answerer_url, got both');
  if (url !== undefined && model === undefined)
    options.reject('answerer_model', 'expected the name of a model at answerer_url, got nothing');
  if (sampling.topP === 0) options.reject('answerer_top_p', 'expected a number above 0, got 0');
  return {
    source:
      url === undefined
        ? { kind: 'folder', path: path ?? '' }
        : { kind: 'endpoint', url, model: model ?? '', ...(keyVariable !== undefined && { keyVariable }) },
    ...sampling,
  };
}
