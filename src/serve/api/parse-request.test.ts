import { expect, it } from 'vitest';
import { chatRequestSchema } from './chat-request.ts';
import { parseRequest } from './parse-request.ts';

const parse = (fields: object) =>
  parseRequest(
    JSON.stringify({ model: 'team', messages: [{ role: 'user', content: 'a' }], ...fields }),
    chatRequestSchema,
  );

it('names the new path of a renamed field', () => {
  expect(() => parse({ troupe: { stream_members: true } })).toThrow(
    "unknown parameter: 'troupe.stream_members'; it is now 'troupe.stream_agents'",
  );
  expect(parse({ troupe: { stream_agents: true } }).troupe).toEqual({ stream_agents: true });
});
