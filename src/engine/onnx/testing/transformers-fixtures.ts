/**
 * Reads the fixtures that conformance/write_fixtures.py writes: tiny checkpoints and the results of Transformers.
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensors } from '../../../support/safetensors.ts';
import type { Sequence } from '../../engine.ts';
import { type DecoderConfig, parseDecoderConfig } from '../decoder/config.ts';
import { fromDiskTensors, parameterSpecs, tensorSource, type Weights } from '../decoder/parameters.ts';

const ROOT = join(import.meta.dirname, '../../../../test/fixtures/transformers');

export interface TransformersFixture {
  readonly dir: string;
  readonly config: DecoderConfig;
  readonly weights: Weights;
  readonly sequences: readonly Sequence[];
  readonly temperature: number;
  /** Per sequence [T]. */
  readonly logp: readonly Float32Array[];
  readonly cotangents: readonly Float32Array[];
  /** Gradient of sum(cotangent * logp) with respect to each parameter, by tensor name in the checkpoint. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
  readonly greedy: readonly Sequence[];
}

interface Expected {
  readonly temperature: number;
  readonly sequences: readonly { readonly context: number[]; readonly tokens: number[] }[];
  readonly greedy: readonly { readonly context: number[]; readonly tokens: number[] }[];
}

/** Names of all fixtures. */
export function transformersFixtures(): readonly string[] {
  return readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

export function readTransformersFixture(name: string): TransformersFixture {
  const dir = join(ROOT, name);
  const json = (file: string): unknown => JSON.parse(readFileSync(join(dir, file), 'utf8'));
  const config = parseDecoderConfig(json('config.json'), `${name}/config.json`);
  const { tensors } = readSafetensors(join(dir, 'model.safetensors'));
  const expected = json('expected.json') as Expected; // written by conformance/write_fixtures.py
  const results = readSafetensors(join(dir, 'expected.safetensors')).tensors;
  const rows = (kind: string): Float32Array[] =>
    expected.sequences.map((_, i) => results.get(`${kind}.${i}`)?.values as Float32Array);
  const typed = (sequences: Expected['sequences']): Sequence[] =>
    sequences.map(({ context, tokens }) => ({
      context: Int32Array.from(context),
      tokens: Int32Array.from(tokens),
    }));
  return {
    dir,
    config,
    weights: fromDiskTensors(parameterSpecs(config), tensorSource(tensors), dir),
    sequences: typed(expected.sequences),
    temperature: expected.temperature,
    logp: rows('logp'),
    cotangents: rows('cotangents'),
    gradients: new Map(
      [...results].flatMap(([key, { values }]) => (key.startsWith('d:') ? [[key.slice(2), values]] : [])),
    ),
    greedy: typed(expected.greedy),
  };
}
