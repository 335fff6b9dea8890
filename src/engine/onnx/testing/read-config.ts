/**
 * Parses a `config.json` for tests and collects the warnings.
 * @module
 */
import { type DecoderConfig, parseDecoderConfig } from '../decoder/config.ts';

/** Fields that give a small decoder of any family. */
export const SMALL_SIZES = {
  vocab_size: 64,
  hidden_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 8,
};

/** Path in messages. */
export const WHERE = 'm/config.json';

/** @throws ConfigError if the config is refused */
export function readConfig(json: unknown): {
  readonly config: DecoderConfig;
  readonly warnings: readonly string[];
} {
  const warnings: string[] = [];
  const config = parseDecoderConfig(json, WHERE, (message) => warnings.push(message));
  return { config, warnings };
}
