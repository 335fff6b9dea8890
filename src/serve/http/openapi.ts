/**
 * The OpenAPI document, made of the schemas that requests are checked with.
 * @module
 */
import { z } from 'zod';
import { chatRequestSchema } from '../api/chat-request.ts';
import { completionRequestSchema } from '../api/completion-request.ts';
import { errorSchema } from '../api/errors.ts';
import {
  chatChunkSchema,
  chatCompletionSchema,
  completionSchema,
  modelListSchema,
  modelSchema,
} from '../api/responses.ts';

const SCHEMAS = {
  ChatCompletionRequest: chatRequestSchema,
  ChatCompletion: chatCompletionSchema,
  ChatCompletionChunk: chatChunkSchema,
  CompletionRequest: completionRequestSchema,
  Completion: completionSchema,
  Model: modelSchema,
  ModelList: modelListSchema,
  Error: errorSchema,
} as const;

type SchemaName = keyof typeof SCHEMAS;

/** @param version - of troupe */
export function openApiDocument(version: string): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'troupe',
      version,
      description: 'A team of language models that answers as one, behind the OpenAI API.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{}, { key: [] }],
    paths: {
      '/v1/chat/completions': {
        post: posted('createChatCompletion', [
          'ChatCompletionRequest',
          'ChatCompletion',
          'ChatCompletionChunk',
        ]),
      },
      '/v1/completions': {
        post: posted('createCompletion', ['CompletionRequest', 'Completion', 'Completion']),
      },
      '/v1/models': { get: got('listModels', json('ModelList')) },
      '/v1/models/{model}': {
        get: {
          ...got('getModel', json('Model')),
          parameters: [{ name: 'model', in: 'path', required: true, schema: { type: 'string' } }],
        },
      },
      '/healthz': { get: got('isAlive', plain('application/json'), 'The process answers.') },
      '/readyz': {
        get: got(
          'isReady',
          plain('application/json'),
          'Enough members answer, and the server is not stopping.',
        ),
      },
      '/metrics': { get: got('metrics', plain('text/plain'), 'Prometheus metrics.') },
      '/openapi.json': { get: got('document', plain('application/json'), 'This document.') },
    },
    components: {
      schemas: Object.fromEntries(
        Object.entries(SCHEMAS).map(([name, schema]) => [name, jsonSchema(schema, name.endsWith('Request'))]),
      ),
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function jsonSchema(schema: z.ZodType, isRequest: boolean): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: isRequest ? 'input' : 'output',
    override: ({ jsonSchema: made }) => {
      // zod bounds integers by what a double holds exactly; that is noise to a reader
      if (made.maximum === Number.MAX_SAFE_INTEGER) delete made.maximum;
      if (made.minimum === Number.MIN_SAFE_INTEGER) delete made.minimum;
    },
  });
  return rest;
}

function json(name: SchemaName): object {
  return { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } };
}

function plain(type: string): object {
  return { [type]: { schema: type === 'text/plain' ? { type: 'string' } : { type: 'object' } } };
}

function failure(description: string): object {
  return { description, content: json('Error') };
}

function got(operationId: string, content: object, description = 'As asked for.'): object {
  return {
    operationId,
    responses: { '200': { description, content }, default: failure('An error as the OpenAI API words it.') },
  };
}

function posted(
  operationId: string,
  [request, whole, chunk]: readonly [SchemaName, SchemaName, SchemaName],
): object {
  const tooMany = {
    ...failure('A limit was reached.'),
    headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } },
  };
  return {
    operationId,
    requestBody: { required: true, content: json(request) },
    responses: {
      '200': {
        description: 'The answer; with `stream` server-sent events, one chunk each, and `[DONE]` at the end.',
        content: {
          ...json(whole),
          'text/event-stream': { schema: { $ref: `#/components/schemas/${chunk}` } },
        },
      },
      '400': failure('A field is wrong; `param` names it.'),
      '401': failure('The key is missing or wrong.'),
      '413': failure('The body is too large.'),
      '429': tooMany,
      '503': failure('Too few members answered, or the server is stopping.'),
      '504': failure('It took too long.'),
      default: failure('Another error.'),
    },
  };
}
