/**
 * Starts a server on a free port, for three tiny models with random weights or for agents given by a test.
 */
import OpenAI from 'openai';
import { randomStream } from '../../src/core/rng.ts';
import type { Model } from '../../src/engine/engine.ts';
import { initialWeights } from '../../src/engine/onnx/decoder/parameters.ts';
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts';
import { tinyConfig, tinyTokenizer } from '../../src/engine/onnx/testing/tiny-model.ts';
import { createEmbeddedAgent } from '../../src/serve/agent/embedded-agent.ts';
import type { ServedAgent } from '../../src/serve/agent/served-agent.ts';
import type { ServerLog } from '../../src/serve/http/log.ts';
import type { ServerOptions } from '../../src/serve/options.ts';
import { startServer, type TeamServer } from '../../src/serve/server.ts';
import { type ServedTeam, textAnswer } from '../../src/serve/team/served-team.ts';
import { createProtocol, type ProtocolOptions } from '../../src/team/protocols.ts';

/** Creates three models with different random weights. */
export async function tinyModels(maxPositions = 64): Promise<Model[]> {
  const engine = createOnnxEngine({ threads: 1 });
  const config = tinyConfig({ maxPositions });
  return Promise.all(
    [1, 2, 3].map((seed) => {
      const weights = initialWeights(config, randomStream(seed));
      // the weights are 6 times larger than at the start of training, so that the distributions are not
      // almost uniform
      for (const values of weights.values())
        for (let i = 0; i < values.length; i++) values[i] = values[i]! * 6;
      return engine.fromCheckpoint({ config, weights, tokenizer: tinyTokenizer() }, `tiny ${seed}`);
    }),
  );
}

export function embeddedAgents(models: readonly Model[]): ServedAgent[] {
  return models.map((model, id) => createEmbeddedAgent(model, { name: `agent_${id}` }));
}

export interface TinyServer {
  readonly server: TeamServer;
  readonly url: string;
  /** The official OpenAI client, without retries. */
  readonly client: OpenAI;
  /** Log lines: level, fields and message. */
  readonly logged: (readonly [level: keyof ServerLog, fields: object, message: string])[];
}

export interface TinyOptions {
  readonly agents: readonly ServedAgent[];
  readonly protocol?: ProtocolOptions['kind'];
  readonly team?: Partial<ServedTeam>;
  readonly options?: Partial<ServerOptions>;
  readonly apiKey?: string;
  readonly signal?: AbortSignal;
}

function servedTeam({ agents, protocol = 'vote', team = {} }: TinyOptions): ServedTeam {
  return {
    name: 'tiny',
    agents,
    protocol: createProtocol({ kind: protocol }, agents.length),
    minAgents: agents.length,
    agentTimeoutMs: 20_000,
    answerOf: textAnswer,
    truncated: 'judge',
    isMixed: false,
    defaults: { temperature: 1, maxTokens: 24 },
    fingerprint: 'fp_tiny',
    ...team,
  };
}

export async function tinyServer(tiny: TinyOptions): Promise<TinyServer> {
  const logged: TinyServer['logged'] = [];
  const logTo = (level: keyof ServerLog) => (fields: object, message: string) =>
    void logged.push([level, fields, message]);
  const server = await startServer(servedTeam(tiny), {
    options: { port: 0, ...tiny.options },
    version: '0.0.0',
    log: { info: logTo('info'), warn: logTo('warn'), error: logTo('error') },
    ...(tiny.signal === undefined ? {} : { signal: tiny.signal }),
  });
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: tiny.apiKey ?? 'none', maxRetries: 0 });
  return { server, url: server.url, client, logged };
}
