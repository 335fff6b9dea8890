/**
 * A server on a free port of this machine over three tiny models with random weights, or over whatever
 * members a test brings.
 */
import OpenAI from 'openai';
import { randomStream } from '../../src/core/rng.ts';
import type { Model } from '../../src/engine/engine.ts';
import { initialWeights } from '../../src/engine/onnx/decoder/parameters.ts';
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts';
import { tinyConfig, tinyTokenizer } from '../../src/engine/onnx/testing/tiny-model.ts';
import { createEmbeddedMember } from '../../src/serve/member/embedded.ts';
import type { Member } from '../../src/serve/member/member.ts';
import { DEFAULT_SERVER, type ServerOptions } from '../../src/serve/options.ts';
import { startServer, type TeamServer } from '../../src/serve/server.ts';
import { type ServedTeam, textAnswer } from '../../src/serve/team/served-team.ts';
import { createProtocol } from '../../src/team/protocols.ts';

/** Three models that differ, none of which has learned anything. */
export async function tinyModels(maxPositions = 64): Promise<Model[]> {
  const engine = createOnnxEngine({ threads: 1 });
  const config = tinyConfig({ maxPositions });
  return Promise.all(
    [1, 2, 3].map((seed) => {
      const weights = initialWeights(config, randomStream(seed));
      // larger than at the start of training, so that the models have opinions
      for (const values of weights.values())
        for (let i = 0; i < values.length; i++) values[i] = values[i]! * 6;
      return engine.fromCheckpoint({ config, weights, tokenizer: tinyTokenizer() }, `tiny ${seed}`);
    }),
  );
}

export function embeddedMembers(models: readonly Model[]): Member[] {
  return models.map((model, id) => createEmbeddedMember(model, { name: `agent_${id}` }));
}

export interface TinyServer {
  readonly server: TeamServer;
  readonly url: string;
  /** The official client, unmodified, without retries of its own. */
  readonly client: OpenAI;
  /** Log lines: their object and their message. */
  readonly logged: (readonly [level: string, line: Record<string, unknown>, message: string])[];
}

export interface TinyOptions {
  readonly members: readonly Member[];
  readonly protocol?: string;
  readonly team?: Partial<ServedTeam>;
  readonly options?: Partial<ServerOptions>;
  readonly apiKey?: string;
}

export function servedTeam({ members, protocol = 'vote', team = {} }: TinyOptions): ServedTeam {
  return {
    name: 'tiny',
    members,
    protocol: createProtocol(protocol, {}, members.length),
    minMembers: members.length,
    memberTimeoutMs: 20_000,
    answerOf: textAnswer,
    isMixed: false,
    defaults: { temperature: 1, maxTokens: 24 },
    fingerprint: 'fp_tiny',
    ...team,
  };
}

export async function tinyServer(tiny: TinyOptions): Promise<TinyServer> {
  const logged: TinyServer['logged'] = [];
  const log = Object.fromEntries(
    ['info', 'warn', 'error'].map((level) => [
      level,
      (line: Record<string, unknown>, message: string) => void logged.push([level, line, message]),
    ]),
  );
  const server = await startServer(servedTeam(tiny), {
    options: { ...DEFAULT_SERVER, port: 0, ...tiny.options },
    version: '0.0.0',
    log: log as never, // the three methods are all that is called
  });
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: tiny.apiKey ?? 'none', maxRetries: 0 });
  return { server, url: server.url, client, logged };
}
