/**
 * Options of the answerer: the model that answers questions put to the environment of a task. It is either a
 * model folder or a model behind an OpenAI-compatible endpoint. The caller that creates the task also creates
 * the answerer.
 * @module
 */
import type { z } from 'zod';
import { integer, number, text } from '../schema/fields.ts';
import type { Answerer } from './task.ts';

export interface AnswererRequest {
  readonly source:
    | { readonly kind: 'folder'; readonly path: string }
    | {
        readonly kind: 'endpoint';
        /** Base URL of the endpoint, up to and including the version, e.g. `http://127.0.0.1:8000/v1`. */
        readonly url: string;
        readonly model: string;
        /** Name of the environment variable that contains the API key. Absent: no key is sent. */
        readonly keyVariable?: string;
      };
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
}

/** Creates the model that answers questions put to the task's environment. */
export type AnswererFactory = (request: AnswererRequest) => Answerer;

/**
 * Options of a task whose environment needs an answerer model. The sampling defaults are those of AR-Bench.
 */
export const answererOptions = {
  answerer_path: text().optional().describe('Folder of the model that answers the environment.'),
  answerer_url: text()
    .optional()
    .describe(
      'Instead of a folder: an OpenAI-compatible endpoint up to the version, e.g. `http://127.0.0.1:8000/v1`.',
    ),
  answerer_model: text().optional().describe('Name of the model at `answerer_url`; required with it.'),
  answerer_key_env: text()
    .optional()
    .describe('Environment variable that contains the API key. Default: no key is sent.'),
  answerer_temperature: number({ min: 0, max: 1 })
    .default(0.7)
    .describe('Sampling temperature of the answers.'),
  answerer_top_p: number({ above: 0, max: 1 })
    .default(0.7)
    .describe('Nucleus sampling threshold of the answers.'),
  answerer_max_tokens: integer({ min: 1, max: 32_768 })
    .default(256)
    .describe('Maximum length of an answer in tokens.'),
};

interface AnswererFields {
  readonly answerer_path?: string | undefined;
  readonly answerer_url?: string | undefined;
  readonly answerer_model?: string | undefined;
}

/**
 * Checks options of a schema with {@link answererOptions}: they must name exactly one source of the answerer
 * model. Used in `superRefine`.
 */
export function requireAnswerer(fields: AnswererFields, context: z.RefinementCtx): void {
  const { answerer_path: path, answerer_url: url, answerer_model: model } = fields;
  const reject = (option: string, message: string): void =>
    context.addIssue({ code: 'custom', path: [option], message });
  if (path === undefined && url === undefined)
    reject('answerer_path', 'expected a model folder, or answerer_url instead, got neither');
  if (path !== undefined && url !== undefined)
    reject('answerer_url', 'expected one of answerer_path and answerer_url, got both');
  if (url !== undefined && model === undefined)
    reject('answerer_model', 'expected the name of a model at answerer_url, got nothing');
}

/**
 * Converts parsed options to a request for an answerer model.
 *
 * @param options - parsed by a schema with {@link requireAnswerer}
 */
export function answererRequest(options: {
  readonly answererPath?: string | undefined;
  readonly answererUrl?: string | undefined;
  readonly answererModel?: string | undefined;
  readonly answererKeyEnv?: string | undefined;
  readonly answererTemperature: number;
  readonly answererTopP: number;
  readonly answererMaxTokens: number;
}): AnswererRequest {
  const {
    answererPath: path,
    answererUrl: url,
    answererModel: model = '',
    answererKeyEnv: keyVariable,
  } = options;
  return {
    source:
      url === undefined
        ? { kind: 'folder', path: path ?? '' }
        : { kind: 'endpoint', url, model, ...(keyVariable !== undefined && { keyVariable }) },
    temperature: options.answererTemperature,
    topP: options.answererTopP,
    maxTokens: options.answererMaxTokens,
  };
}
