/**
 * Creates the answerer: the model that answers questions put to a task's environment. It runs in this process
 * or behind an endpoint, with the code that also serves agents. The model is loaded at the first question.
 * @module
 */
import type { Model } from '../engine/engine.ts';
import type { ServedAgent } from '../serve/agent/served-agent.ts';
import { ConfigError, EngineError } from '../support/errors.ts';
import type { AnswererRequest } from '../task/answerer.ts';
import type { Answerer, QuestionWithStream } from '../task/task.ts';

/**
 * Maximum number of questions that are answered concurrently: one batch of a model in this process, or a
 * moderate load for an endpoint.
 */
const CONCURRENCY = 32;
const STALL_MS = 120_000;
const RETRIES = 4;

export interface AnswererDependencies {
  readonly loadModel: (folder: string) => Promise<Model>;
  /** Environment variables, which contain the API keys. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Creates an answerer that samples each answer with the random stream of its question. A model in this
 * process gives the same answer to the same stream. An endpoint gets a seed drawn from the stream, but may
 * ignore it.
 *
 * @throws ConfigError if the environment variable of the API key is empty
 */
export function createAnswerer(request: AnswererRequest, dependencies: AnswererDependencies): Answerer {
  const key = keyOf(request, dependencies);
  let loading: Promise<ServedAgent> | undefined;
  return {
    async answer(questions, signal = new AbortController().signal) {
      loading ??= createAgent(request, dependencies, key);
      const agent = await loading;
      const answers: string[] = new Array<string>(questions.length).fill('');
      let next = 0;
      const work = async (): Promise<void> => {
        for (let i = next++; i < questions.length; i = next++)
          answers[i] = await generateAnswer(agent, request, { question: questions[i]!, signal });
      };
      await Promise.all(Array.from({ length: Math.min(CONCURRENCY, questions.length) }, work));
      return answers;
    },
  };
}

function keyOf({ source }: AnswererRequest, { environment }: AnswererDependencies): string | undefined {
  if (source.kind !== 'endpoint' || source.keyVariable === undefined) return undefined;
  const key = environment[source.keyVariable];
  if (key) return key;
  throw new ConfigError(
    `answerer_key_env: expected a key in the environment variable ${source.keyVariable}, got nothing`,
  );
}

async function createAgent(
  { source }: AnswererRequest,
  { loadModel }: AnswererDependencies,
  key: string | undefined,
): Promise<ServedAgent> {
  if (source.kind === 'folder') {
    const { createEmbeddedAgent } = await import('../serve/agent/embedded-agent.ts');
    return createEmbeddedAgent(await loadModel(source.path), { name: 'answerer' });
  }
  const { EndpointAgent } = await import('../serve/agent/endpoint-agent.ts');
  return new EndpointAgent({
    name: 'answerer',
    endpoint: source.url,
    model: source.model,
    ...(key !== undefined && { key }),
    stallMs: STALL_MS,
    retries: RETRIES,
    logprobs: false,
  });
}

async function generateAnswer(
  agent: ServedAgent,
  { temperature, topP, maxTokens }: AnswererRequest,
  { question, signal }: { readonly question: QuestionWithStream; readonly signal: AbortSignal },
): Promise<string> {
  try {
    const { text } = await agent.generate({
      prompt: { kind: 'chat', messages: question.messages },
      sampling: { temperature, topP, maxTokens, stop: [] },
      stream: question.stream,
      seeded: true,
      fairKey: 'answerer',
      signal: AbortSignal.any([signal]), // many listeners on one signal would print a leak warning
    });
    return text;
  } catch (error) {
    const { AgentError } = await import('../serve/agent/served-agent.ts');
    if (!(error instanceof AgentError)) throw error;
    throw new EngineError(`${error.message}; what is saved can be resumed`, {
      cause: error,
      retryable: true,
    });
  }
}
