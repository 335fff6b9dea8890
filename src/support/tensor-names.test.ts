import { expect, it } from 'vitest';
import { decoderNames } from './tensor-names.ts';

const NAMES = [
  'model.embed_tokens.weight',
  'model.layers.0.mlp.up_proj.weight',
  'model.norm.weight',
  'lm_head.weight',
];

it.each([
  ['of Transformers', (name: string) => name],
  ['of the base class', (name: string) => name.replace(/^model\./, '')],
  ['of torch.compile', (name: string) => `_orig_mod.${name}`],
  ['of compiled layers', (name: string) => name.replace('layers.0.', 'layers.0._orig_mod.')],
  [
    'of FSDP',
    (name: string) => `_fsdp_wrapped_module.${name.replace('layers.0.', 'layers.0._fsdp_wrapped_module.')}`,
  ],
  ['of DataParallel', (name: string) => `module.${name}`],
  ['of a PEFT model', (name: string) => `base_model.model.${name}`],
  ['of a text part, up to 4.51', (name: string) => `language_model.${name}`],
  ['of a text part, from 4.52 on', (name: string) => name.replace(/^model\./, 'model.language_model.')],
])('names %s', (_, stored) => {
  const originals = NAMES.map(stored);
  expect([...decoderNames(originals, 'f')]).toEqual(NAMES.map((name, i) => [name, originals[i]]));
});

it('leaves out the other parts of a multimodal model, and only there', () => {
  const vision = ['vision_tower.x.weight', 'model.multi_modal_projector.weight'];
  expect([...decoderNames(['language_model.model.norm.weight', ...vision], 'f').keys()]).toEqual([
    'model.norm.weight',
  ]);
  expect([...decoderNames(['model.norm.weight', ...vision], 'f').keys()]).toEqual([
    'model.norm.weight',
    ...vision,
  ]);
});

it('rejects names that stand for the same tensor, and adapters that are not merged', () => {
  expect(() => decoderNames(['model.norm.weight', 'norm.weight'], 'f')).toThrow(
    'f: tensors "model.norm.weight" and "norm.weight" both stand for "model.norm.weight"; remove one of them',
  );
  expect(() => decoderNames(['base_model.model.model.layers.0.x.lora_A.weight'], 'f')).toThrow(
    'f: tensor "base_model.model.model.layers.0.x.lora_A.weight" belongs to an adapter',
  );
});
