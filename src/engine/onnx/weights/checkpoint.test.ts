import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError, StoreError } from '../../../support/errors.ts';
import { readSafetensors, writeSafetensors } from '../../../support/safetensors.ts';
import { createOnnxEngine } from '../engine.ts';
import { tinyConfig, tinyTokenizer, tinyWeights } from '../testing/tiny-model.ts';
import { type Checkpoint, checkWeightFiles, loadCheckpoint, saveCheckpoint } from './checkpoint.ts';

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-checkpoint-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

const FILES = [
  'chat_template.jinja',
  'config.json',
  'model.safetensors',
  'tokenizer.json',
  'tokenizer_config.json',
];

function tinyCheckpoint(changes: Parameters<typeof tinyConfig>[0] = {}): Checkpoint {
  const config = tinyConfig(changes);
  return { config, weights: tinyWeights(config), tokenizer: { files: tinyTokenizer().files } };
}

function withOptimizer(checkpoint: Checkpoint): Checkpoint {
  const scaled = (by: number) =>
    new Map([...checkpoint.weights].map(([name, values]) => [name, values.map((value) => value * by)]));
  return { ...checkpoint, optimizer: { step: 12, m: scaled(0.5), v: scaled(0.25) } };
}

const load = (optimizer = false): Checkpoint => loadCheckpoint(dir, { optimizer });

/** Returns the one-line error that loading the folder raises. */
function refusal(): string {
  try {
    load(true);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const { message } = error as ConfigError;
    expect(message).not.toContain('\n');
    return message.replaceAll(dir, 'DIR');
  }
  throw new Error('expected the folder to be rejected');
}

function changeConfig(changes: Readonly<Record<string, unknown>>): void {
  const path = join(dir, 'config.json');
  fs.writeFileSync(path, JSON.stringify({ ...JSON.parse(fs.readFileSync(path, 'utf8')), ...changes }));
}

function changeTensors(
  name: string,
  change: (tensors: Map<string, { shape: readonly number[]; values: Float32Array }>) => void,
): void {
  const path = join(dir, name);
  const { tensors, metadata } = readSafetensors(path);
  const changed = new Map(tensors);
  change(changed);
  writeSafetensors(
    path,
    [...changed].map(([tensor, rest]) => ({ name: tensor, ...rest })),
    metadata,
  );
}

describe('a saved checkpoint', () => {
  it.each([
    { name: 'tied', changes: {} },
    { name: 'untied, several end tokens', changes: { tiedEmbeddings: false, kvHeads: 6, endTokens: [0, 3] } },
  ])('loads bit for bit, with its optimizer state ($name)', ({ changes }) => {
    const checkpoint = withOptimizer(tinyCheckpoint(changes));
    saveCheckpoint(dir, checkpoint);
    expect(fs.readdirSync(dir).sort()).toEqual([...FILES, 'optimizer.safetensors'].sort());
    expect(load(true)).toEqual(checkpoint);
    const { optimizer, ...rest } = checkpoint;
    expect(load()).toEqual(rest);
  });

  it('has the tensors of a Hugging Face folder: stacked matrices are split', () => {
    saveCheckpoint(dir, tinyCheckpoint());
    const { tensors } = readSafetensors(join(dir, 'model.safetensors'));
    expect([...tensors].slice(0, 5).map(([name, { shape }]) => `${name} ${shape}`)).toEqual([
      'model.embed_tokens.weight 22,12',
      'model.layers.0.input_layernorm.weight 12',
      'model.layers.0.self_attn.q_proj.weight 24,12',
      'model.layers.0.self_attn.k_proj.weight 8,12',
      'model.layers.0.self_attn.v_proj.weight 8,12',
    ]);
    expect(tensors.size).toBe(1 + 2 * 11 + 1);
  });

  it('can consist of shards; the next save writes one file', () => {
    const checkpoint = tinyCheckpoint();
    saveCheckpoint(dir, checkpoint);
    const { tensors } = readSafetensors(join(dir, 'model.safetensors'));
    fs.rmSync(join(dir, 'model.safetensors'));
    const weight_map: Record<string, string> = {};
    for (const [index, [name, tensor]] of [...tensors].entries()) {
      weight_map[name] = `model-${index}.safetensors`;
      writeSafetensors(join(dir, `model-${index}.safetensors`), [{ name, ...tensor }]);
    }
    fs.writeFileSync(join(dir, 'model.safetensors.index.json'), JSON.stringify({ weight_map }));
    expect(load()).toEqual(checkpoint);
    saveCheckpoint(dir, checkpoint);
    expect(fs.existsSync(join(dir, 'model.safetensors.index.json'))).toBe(false);
    expect(load()).toEqual(checkpoint);
  });

  it('has no optimizer state if the folder has none', () => {
    saveCheckpoint(dir, tinyCheckpoint());
    expect(load(true).optimizer).toBeUndefined();
  });
});

describe('saving over a folder', () => {
  it('replaces all files of the old checkpoint and keeps other files', () => {
    saveCheckpoint(dir, withOptimizer(tinyCheckpoint()));
    fs.writeFileSync(join(dir, 'generation_config.json'), '{}');
    fs.writeFileSync(join(dir, 'README.md'), 'mine');
    const next = tinyCheckpoint({ tiedEmbeddings: false, layers: 1 });
    saveCheckpoint(dir, next);
    // in particular, the old optimizer state is removed
    expect(fs.readdirSync(dir).sort()).toEqual([...FILES, 'README.md'].sort());
    expect(load(true)).toEqual(next);
  });

  it('keeps the old checkpoint intact if writing fails', () => {
    const before = withOptimizer(tinyCheckpoint());
    saveCheckpoint(dir, before);
    const { weights } = tinyCheckpoint({ ropeTheta: 500 });
    weights.get('norm')!.fill(7);
    // the optimizer state is written last, so all other files are written before the error
    const broken = { ...before, weights, optimizer: { ...before.optimizer!, v: new Map() } };
    expect(() => saveCheckpoint(dir, broken)).toThrow(`${dir}: expected to write it, but`);
    expect(() => saveCheckpoint(dir, broken)).toThrow('; the checkpoint that was there is intact; ');
    expect(load(true)).toEqual(before);
    expect(fs.readdirSync(dir).sort()).toEqual([...FILES, 'optimizer.safetensors'].sort());
  });

  it('names the folder if it cannot be created', () => {
    const file = join(dir, 'file');
    fs.writeFileSync(file, '');
    expect(() => saveCheckpoint(join(file, 'model'), tinyCheckpoint())).toThrow(StoreError);
    expect(() => saveCheckpoint(join(file, 'model'), tinyCheckpoint())).toThrow(
      /^\S+\/file\/model: expected to write it, but a part of the path is a file; nothing half-written is left; choose another path$/,
    );
  });
});

describe('an incomplete or inconsistent folder is rejected with a one-line error', () => {
  beforeEach(() => saveCheckpoint(dir, withOptimizer(tinyCheckpoint())));

  it('no folder', () => {
    const missing = () => loadCheckpoint(join(dir, 'no'), { optimizer: false });
    expect(missing).toThrow(`${join(dir, 'no')}: the model folder does not exist; check the path`);
    expect(missing).toThrow(expect.objectContaining({ code: 'TROUPE_MODEL_MISSING', exitCode: 2 }));
  });

  it.each([
    ['config.json', 'DIR/config.json: the file is missing; a model folder needs its config.json'],
    ['tokenizer.json', 'DIR/tokenizer.json: the file is missing; a model folder needs its tokenizer'],
    ['model.safetensors', 'DIR/model.safetensors: the file is missing; a model folder needs its weights'],
  ])('no %s', (name, line) => {
    fs.rmSync(join(dir, name));
    expect(refusal()).toBe(line);
  });

  it.each(['model.safetensors', 'optimizer.safetensors'])('%s cut short', (name) => {
    const path = join(dir, name);
    fs.truncateSync(path, fs.statSync(path).size - 1);
    expect(refusal()).toMatch(
      new RegExp(
        `^DIR/${name}: the tensors take \\d+ bytes, the file has \\d+ after its header; the file is damaged or was cut short`,
      ),
    );
  });

  it('a config that is not JSON, or not an object', () => {
    fs.writeFileSync(join(dir, 'config.json'), '{\n  "a": }\n');
    expect(refusal()).toMatch(/^DIR\/config\.json: expected JSON \(/);
    fs.writeFileSync(join(dir, 'config.json'), '3');
    expect(refusal()).toBe('DIR/config.json: expected a JSON object, got 3');
  });

  it.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
    [
      'more layers',
      { num_hidden_layers: 3 },
      /tensor "model\.layers\.2\.input_layernorm\.weight" is missing; config\.json asks for it/,
    ],
    [
      'fewer layers',
      { num_hidden_layers: 1 },
      /tensor "model\.layers\.1\.\S+" has no place in the model that config\.json describes/,
    ],
    [
      'another width',
      { intermediate_size: 11 },
      /tensor "\S+gate_proj\.weight" has shape \[10,12\], config\.json asks for \[11,12\]/,
    ],
  ])('a config with %s than the weights', (_, changes, line) => {
    changeConfig(changes);
    expect(refusal()).toMatch(line);
    expect(refusal()).toMatch(/^DIR\/model\.safetensors: .*; .*belong to different models$/);
    expect(() => checkWeightFiles(dir)).toThrow(line);
  });

  it('weights with a tensor that the architecture does not have', () => {
    changeTensors('model.safetensors', (tensors) =>
      tensors.set('model.layers.0.self_attn.q_proj.bias', { shape: [24], values: new Float32Array(24) }),
    );
    expect(refusal()).toMatch(/tensor "model\.layers\.0\.self_attn\.q_proj\.bias" has no place in the model/);
  });

  it('redundant tensors are accepted: tied output weights and rotary frequencies', () => {
    const spare = { shape: [1], values: Float32Array.of(9) };
    changeTensors('model.safetensors', (tensors) =>
      tensors.set('lm_head.weight', spare).set('model.layers.0.self_attn.rotary_emb.inv_freq', spare),
    );
    expect(load(true)).toEqual(withOptimizer(tinyCheckpoint()));
  });

  it('untied embeddings without output weights', () => {
    changeConfig({ tie_word_embeddings: false });
    expect(refusal()).toBe(
      'DIR/model.safetensors: tensor "lm_head.weight" is missing, and config.json does not tie it to the embedding; set tie_word_embeddings to true if the model ties them',
    );
  });

  it.each([
    ['equal', 0, []],
    [
      'other',
      1e-3,
      [
        'DIR/model.safetensors: lm_head.weight differs from the embedding, to which config.json ties it, and is ignored; set tie_word_embeddings to false in config.json to use it',
      ],
    ],
  ])(
    'output weights %s to the tied embedding are ignored, with a warning if they differ',
    (_, change, lines) => {
      changeTensors('model.safetensors', (tensors) => {
        const { shape, values } = tensors.get('model.embed_tokens.weight') ?? {
          shape: [],
          values: new Float32Array(),
        };
        tensors.set('lm_head.weight', {
          shape,
          values: values.map((value, i) => value + (i === 7 ? change : 0)),
        });
      });
      const warnings: string[] = [];
      const read = loadCheckpoint(dir, {
        optimizer: true,
        onWarning: (message) => warnings.push(message.replaceAll(dir, 'DIR')),
      });
      expect(read).toEqual(withOptimizer(tinyCheckpoint()));
      expect(warnings).toEqual(lines);
    },
  );

  it.each(['_orig_mod.', 'base_model.model.', 'language_model.'])(
    'names that begin with %s are accepted',
    (prefix) => {
      changeTensors('model.safetensors', (tensors) => {
        for (const [name, tensor] of [...tensors]) tensors.delete(name) && tensors.set(prefix + name, tensor);
      });
      expect(load(true)).toEqual(withOptimizer(tinyCheckpoint()));
    },
  );

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('weights with the value %d', (value) => {
    changeTensors('model.safetensors', (tensors) => tensors.get('model.norm.weight')?.values.set([value], 3));
    expect(refusal()).toBe(
      'DIR/model.safetensors: tensor "model.norm.weight" has a value that is NaN or infinite; the training that wrote it diverged, or the file is damaged',
    );
  });

  it('an optimizer state of another model, or without a step count', () => {
    changeTensors('optimizer.safetensors', (tensors) => tensors.delete('v.model.norm.weight'));
    expect(refusal()).toMatch(/^DIR\/optimizer\.safetensors: tensor "model\.norm\.weight" is missing/);
    saveCheckpoint(dir, withOptimizer(tinyCheckpoint()));
    for (const step of [undefined, '-1', '1.5', 'many']) {
      const path = join(dir, 'optimizer.safetensors');
      const tensors = [...readSafetensors(path).tensors].map(([name, rest]) => ({ name, ...rest }));
      writeSafetensors(path, tensors, step === undefined ? {} : { step });
      expect(refusal()).toBe(`DIR/optimizer.safetensors: expected a step count in the metadata, got ${step}`);
    }
  });
});

describe('the tokenizer must fit the model', () => {
  const engine = createOnnxEngine({ threads: 1, spinning: false });

  it('rejects a vocabulary larger than the embedding', async () => {
    saveCheckpoint(dir, tinyCheckpoint({ vocabSize: 21 }));
    await expect(engine.load({ dir })).rejects.toThrow(
      `${dir}: the tokenizer has 22 tokens, the model's embedding 21; they belong to different models`,
    );
  });

  it('accepts an embedding with more rows than the vocabulary', async () => {
    saveCheckpoint(dir, tinyCheckpoint({ vocabSize: 32 }));
    expect((await engine.load({ dir })).tokenizer.vocabSize).toBe(22);
  });

  it('rejects a model without an end token', async () => {
    saveCheckpoint(dir, tinyCheckpoint());
    changeConfig({ eos_token_id: null });
    const path = join(dir, 'tokenizer_config.json');
    const { eos_token, ...rest } = JSON.parse(fs.readFileSync(path, 'utf8'));
    fs.writeFileSync(path, JSON.stringify(rest));
    await expect(engine.load({ dir })).rejects.toThrow(
      `${dir}: expected an eos_token_id of a token in config.json, got none; messages could not end`,
    );
    fs.writeFileSync(path, JSON.stringify({ ...rest, eos_token }));
    expect((await engine.load({ dir })).tokenizer.endTokens).toEqual([0]);
  });

  it('warns about an end token outside the vocabulary', async () => {
    saveCheckpoint(dir, tinyCheckpoint());
    changeConfig({ eos_token_id: [0, 22] });
    const warnings: string[] = [];
    const model = await engine.load({ dir, onWarning: (message) => warnings.push(message) });
    expect(model.tokenizer.endTokens).toEqual([0]);
    expect(warnings).toEqual([
      `${join(dir, 'config.json')} eos_token_id: expected token ids from 0 to 21, got [0,22]; 22 ends no message`,
    ]);
  });
});
