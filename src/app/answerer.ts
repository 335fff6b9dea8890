/**
 * Who answers the questions of an environment: a model in this process or one behind an endpoint, as a member of a
 * served team is. Nothing is loaded before the first question.
 * @module
 */
import type { Model } from '../engine/engine.ts';
import type { Member } from '../serve/member/member.ts';
import { ConfigError, EngineError } from '../support/errors.ts';
import type { Answerer, AskedQuestion } from '../task/task.ts';
import type { AnswererRequest } from '../tasks/shared/answerer-options.ts';

/** Questions under way at a time: a batch for a model here, polite to an endpoint. */
const AT_ONCE = 32;
const STALL_MS = 120_000;
const RETRIES = 4;

export interface AnswererParts {
  readonly loadModel: (folder: string) => Promise<Model>;
  /** Where keys are read from. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * An answerer that samples each answer from the question's own stream: a model in this process says the same again,
 * an endpoint is told a seed and may.
 *
 * @throws ConfigError if the variable that should hold the key is empty
 */
export function createAnswerer(request: AnswererRequest, parts: AnswererParts): Answerer {
  const key = keyOf(request, parts);
  let member: Promise<Member> | undefined;
  return {
    async answer(questions, signal = new AbortController().signal) {
      member ??= createMember(request, parts, key);
      const asked = await member;
      const answers: string[] = new Array<string>(questions.length).fill('');
      let next = 0;
      const work = async (): Promise<void> => {
        for (let i = next++; i < questions.length; i = next++)
          answers[i] = await speak(asked, request, { question: questions[i]!, signal });
      };
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, questions.length) }, work));
      return answers;
    },
  };
}

function keyOf({ source }: AnswererRequest, { environment }: AnswererParts): string | undefined {
  if (source.kind !== 'endpoint' || source.keyVariable === undefined) return undefined;
  const key = environment[source.keyVariable];
  if (key) return key;
  throw new ConfigError(
    `answerer_key_env: expected a key in the environment variable ${source.keyVariable}, got nothing`,
  );
}

async function createMember(
  { source }: AnswererRequest,
  { loadModel }: AnswererParts,
  key: string | undefined,
): Promise<Member> {
  if (source.kind === 'folder') {
    const { createEmbeddedMember } = await import('../serve/member/embedded.ts');
    return createEmbeddedMember(await loadModel(source.path), { name: 'answerer' });
  }
  const { EndpointMember } = await import('../serve/member/endpoint.ts');
  return new EndpointMember({
    name: 'answerer',
    endpoint: source.url,
    model: source.model,
    ...(key !== undefined && { key }),
    stallMs: STALL_MS,
    retries: RETRIES,
    logprobs: false,
  });
}

async function speak(
  member: Member,
  { temperature, topP, maxTokens }: AnswererRequest,
  { question, signal }: { readonly question: AskedQuestion; readonly signal: AbortSignal },
): Promise<string> {
  try {
    const { text } = await member.speak({
      prompt: { kind: 'chat', messages: question.messages },
      sampling: { temperature, topP, maxTokens, stop: [] },
      stream: question.stream,
      seeded: true,
      fairKey: 'answerer',
      signal: AbortSignal.any([signal]), // one of its own: many listeners on one signal look like a leak
    });
    return text;
  } catch (error) {
    const { MemberError } = await import('../serve/member/member.ts');
    if (!(error instanceof MemberError)) throw error;
    throw new EngineError(`${error.message}; what is saved can be resumed`, {
      cause: error,
      retryable: true,
    });
  }
}
