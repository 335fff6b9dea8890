/**
 * Serves a team on a free port of this machine and sends it a request, as to any OpenAI-compatible server.
 */
import { serve } from 'troupe';
import { tinyRun } from './tiny-run.ts';

const server = await serve({ team: await tinyRun(), port: 0 });
try {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'team', // the name of an agent asks that agent alone
      messages: [{ role: 'user', content: '17+25+38=' }],
      max_tokens: 32,
      seed: 1,
    }),
  });
  const body = (await response.json()) as {
    choices: { message: { content: string } }[];
    troupe?: unknown;
  };
  console.log(`answer: ${body.choices[0]?.message.content}`);
  console.log(`votes: ${JSON.stringify(body.troupe)}`);
} finally {
  await server.close(); // completes the accepted requests first
}
