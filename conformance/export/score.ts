/**
 * Prints, as JSON, the log-probabilities of a few token sequences under each agent of an exported team.
 * `check.py` compares them with Transformers.
 *
 *     node --import ./scripts/typescript.mjs conformance/export/score.ts DIR
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { randomStream } from '../../src/core/rng.ts';
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts';

const SEQUENCES = 4;
const LENGTH = 24;
const TEXT = '12+34+5=';

const [folder = '.'] = process.argv.slice(2);
const engine = createOnnxEngine({ threads: 1, spinning: false });
const scores: Record<string, object[]> = {};
for (const name of readdirSync(folder).sort()) {
  const dir = join(folder, name);
  if (!existsSync(join(dir, 'config.json'))) continue;
  const model = await engine.load({ dir });
  const { tokenizer } = model;
  const chat = [...tokenizer.encodeChat([{ role: 'user', content: TEXT }])];
  const stream = randomStream(7);
  const rows = Array.from({ length: SEQUENCES }, () =>
    Int32Array.from({ length: LENGTH }, () => stream.int(tokenizer.vocabSize)),
  );
  const sequences = rows.map((ids) => ({ context: ids.subarray(0, 1), tokens: ids.subarray(1) }));
  const logp = await model.forward(sequences, { temperature: 1 });
  scores[name] = rows.map((ids, i) => ({ ids: [...ids], logp: [...(logp[i] ?? [])], text: TEXT, chat }));
  await model.close();
}
await engine.close();
process.stdout.write(`${JSON.stringify(scores)}\n`);
