/**
 * The training sampler of the embedded engine: samples messages in a fixed number of slots.
 * @module
 */
import { EngineError } from '../../../support/errors.ts';
import type { DecodeBatch } from '../../decode-batch.ts';
import type { Completion, SampleRequest, SamplingParams } from '../../engine.ts';
import { sampleSlots } from '../../sampling/slot-sampler.ts';
import { checkContext } from '../score/sequence-check.ts';
import { type DecodeBatchParts, openDecodeBatch } from './cached-decode-batch.ts';

export interface SamplerParts extends DecodeBatchParts {
  /** Maximum number of messages decoded together. */
  readonly slots: number;
  readonly endTokens: readonly number[];
}

export class Sampler {
  readonly #parts: SamplerParts;

  constructor(parts: SamplerParts) {
    this.#parts = parts;
  }

  async sample(requests: readonly SampleRequest[], params: SamplingParams): Promise<Completion[]> {
    if (requests.length === 0) return [];
    const { slots, endTokens, sessions } = this.#parts;
    const size = Math.min(slots, requests.length);
    const batch = await this.open(
      requests.map(({ context }) => context),
      size,
    );
    const rules = { slots: size, endTokens, maxPositions: sessions.config.maxPositions };
    return sampleSlots(batch, requests, { params, rules });
  }

  /** Opens a batch whose caller draws the tokens. @throws EngineError if a context leaves no room for a message */
  async open(contexts: readonly Int32Array[], slots: number): Promise<DecodeBatch> {
    const { config } = this.#parts.sessions;
    for (const context of contexts) {
      checkContext(context, config);
      if (context.length >= config.maxPositions)
        throw new EngineError(
          `engine onnx: a context of ${context.length} tokens leaves no room for a message; ` +
            `the model takes ${config.maxPositions} (max_position_embeddings)`,
        );
    }
    return openDecodeBatch(this.#parts, contexts, slots);
  }
}
