/**
 * The OpenAPI document, generated from the schemas that validate requests.
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

/** @param version - version of troupe */
export function openApiDocument(version: string): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'troupe',
      version,
      description: 'A team of language models that answers as one model, behind the OpenAI API.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{}, { key: [] }],
    paths: {
      '/v1/chat/completions': {
        post: postOperation('createChatCompletion', [
          'ChatCompletionRequest',
          'ChatCompletion',
          'ChatCompletionChunk',
        ]),
      },
      '/v1/completions': {
        post: postOperation('createCompletion', ['CompletionRequest', 'Completion', 'Completion']),
      },
      '/v1/models': { get: getOperation('listModels', json('ModelList')) },
      '/v1/models/{model}': {
        get: {
          ...getOperation('getModel', json('Model')),
          parameters: [{ name: 'model', in: 'path', required: true, schema: { type: 'string' } }],
        },
      },
      '/healthz': { get: getOperation('isAlive', plain('application/json'), 'The process is alive.') },
      '/readyz': {
        get: getOperation(
          'isReady',
          plain('application/json'),
          'Enough agents are ready, and the server is not stopping.',
        ),
      },
      '/metrics': { get: getOperation('metrics', plain('text/plain'), 'Prometheus metrics.') },
      '/openapi.json': { get: getOperation('document', plain('application/json'), 'This document.') },
    },
    components: {
      schemas: Object.fromEntries(
        Object.entries(SCHEMAS).map(([name, schema]) => [name, jsonSchema(schema, name.endsWith('Request'))]),
      ),
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function jsonSchema(type: z.ZodType, isRequest: boolean): object {
  const { $schema: _, ...rest } = z.toJSONSchema(type, {
    io: isRequest ? 'input' : 'output',
    override: ({ jsonSchema: schema }) => {
      // zod adds the bounds of safe integers to every integer; they are noise in the document
      if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
      if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
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

function getOperation(operationId: string, content: object, description = 'The requested resource.'): object {
  return {
    operationId,
    responses: {
      '200': { description, content },
      default: failure('An error in the shape of the OpenAI API.'),
    },
  };
}

function postOperation(
  operationId: string,
  [request, whole, chunk]: readonly [SchemaName, SchemaName, SchemaName],
): object {
  const tooMany = {
    ...failure('A rate limit was reached, or the server is busy.'),
    headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } },
  };
  return {
    operationId,
    requestBody: { required: true, content: json(request) },
    responses: {
      '200': {
        description:
          'The response; with `stream` server-sent events, one chunk each, and `[DONE]` at the end.',
        content: {
          ...json(whole),
          'text/event-stream': { schema: { $ref: `#/components/schemas/${chunk}` } },
        },
      },
      '400': failure('A field is invalid; `param` names it.'),
      '401': failure('The API key is missing or incorrect.'),
      '413': failure('The body is too large.'),
      '429': tooMany,
      '503': failure('Too few agents answered, or the server is stopping.'),
      '504': failure('A time limit was reached.'),
      default: failure('Another error.'),
    },
  };
}
