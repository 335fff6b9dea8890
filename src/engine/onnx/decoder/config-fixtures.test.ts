import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../testing/read-config.ts';

const FOLDER = 'test/fixtures/configs/transformers';

/** What one version of Transformers writes; made by conformance/configs/dump-configs.py. */
interface WrittenConfigs {
  readonly transformers: string;
  /** `to_dict()` of the base class. */
  readonly base: object;
  readonly configs: readonly {
    readonly class: string;
    readonly variant: 'plain' | 'linear' | 'llama3' | 'yarn' | 'windows' | 'biases';
    readonly by: 'to_dict' | 'save_pretrained';
    /** For `to_dict`: entries that differ from `base`. */
    readonly json: Readonly<Record<string, unknown>>;
    /** For `to_dict`: entries of `base` that are missing. */
    readonly without?: readonly string[];
  }[];
}

const files = readdirSync(FOLDER).map(
  (name): WrittenConfigs => JSON.parse(readFileSync(`${FOLDER}/${name}`, 'utf8')),
);

describe.each(files)('config.json of Transformers $transformers', ({ base, configs }) => {
  it.each(configs)('$class, $variant, by $by', ({ class: name, variant, by, json, without = [] }) => {
    const whole: Record<string, unknown> = by === 'to_dict' ? { ...base, ...json } : json;
    for (const key of without) delete whole[key];
    const { config, warnings } = readConfig(whole);
    expect(warnings).toEqual([]);
    const hasHeads16 = !['LlamaConfig', 'MistralConfig', 'Qwen2Config', 'SmolLM3Config'].includes(name);
    expect(config).toMatchObject({
      ...{ hiddenSize: 32, intermediateSize: 48, layers: 4, heads: 4, kvHeads: 2, maxPositions: 512 },
      headDim: hasHeads16 ? 16 : 8,
    });
    const scaling = { linear: 'linear', llama3: 'llama3', yarn: 'yarn' }[variant as string];
    expect(config.ropeScaling?.kind).toBe(scaling);
    if (variant === 'windows') {
      expect(config.slidingWindow).toBe(32);
      expect(config.layerKinds?.map(({ sliding }) => sliding)).toEqual(
        name === 'SmolLM3Config' ? [false, false, false, true] : [false, false, true, true],
      );
    }
    if (variant === 'biases') expect(config.biases).toMatchObject({ qkv: true, o: true });
  });
});

it('covers Transformers 4.30 to 5', () => {
  const versions = files.map(({ transformers }) => transformers);
  expect(versions.length).toBeGreaterThanOrEqual(8);
  expect(versions).toContain('4.30.2');
  expect(versions.some((version) => version.startsWith('5.'))).toBe(true);
  expect(new Set(files.at(-1)?.configs.map((config) => config.class)).size).toBe(7);
});
