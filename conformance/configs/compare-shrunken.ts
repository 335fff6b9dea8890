/**
 * Loads the models that write-shrunken.py wrote and compares the log-probabilities with those of Transformers.
 *
 *     node --import ./scripts/typescript.mjs conformance/configs/compare-shrunken.ts FOLDER
 *
 * Exits with code 1 if a difference exceeds 1e-4.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parameterSpecs } from '../../src/engine/onnx/decoder/parameters.ts';
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts';
import { tinyTokenizer } from '../../src/engine/onnx/testing/tiny-model.ts';
import { readDecoderConfig, readParameters } from '../../src/engine/onnx/weights/checkpoint.ts';

const TOLERANCE = 1e-4;

interface Expected {
  readonly context: readonly number[];
  readonly tokens: readonly number[];
  readonly logp: readonly number[];
}

const [root] = process.argv.slice(2);
if (root === undefined) {
  console.error('compare-shrunken: expected the folder that write-shrunken.py wrote, got none');
  process.exit(2);
}
const engine = createOnnxEngine({ threads: 1 });
for (const name of readdirSync(root)) {
  const dir = join(root, name);
  const config = readDecoderConfig(dir, (message) => console.error(`warning: ${message}`));
  const weights = new Map<string, Float32Array>();
  readParameters(dir, parameterSpecs(config), {
    onParameter: (spec, values) => weights.set(spec.name, values),
  });
  const model = await engine.fromCheckpoint({ config, weights, tokenizer: tinyTokenizer() }, name);
  const expected = JSON.parse(readFileSync(join(dir, 'expected.json'), 'utf8')) as readonly Expected[];
  const sequences = expected.map(({ context, tokens }) => ({
    context: Int32Array.from(context),
    tokens: Int32Array.from(tokens),
  }));
  const logp = await model.forward(sequences, { temperature: 1 });
  const difference = expected.reduce(
    (most, row, s) =>
      row.logp.reduce((max, value, t) => Math.max(max, Math.abs(value - (logp[s]?.[t] ?? Number.NaN))), most),
    0,
  );
  console.log(`${name}  ${config.architecture}  ${difference.toExponential(1)}`);
  if (!(difference < TOLERANCE)) process.exitCode = 1;
  await model.close();
}
await engine.close();
