/**
 * Names of a decoder's tensors. Training programs and multimodal models put prefixes before the names that
 * Transformers gives a causal language model, such as `model.layers.0.mlp.up_proj.weight`.
 * @module
 */
import { ConfigError } from './errors.ts';

/** Modules that wrap others: `torch.compile`, FSDP, activation checkpointing. Their names can be anywhere in a path. */
const WRAPPERS = /(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\./g;

/** `DataParallel` and PEFT models. */
const OUTER = /^(?:module\.|base_model\.model\.)+/;

/** The text part of a multimodal model, in Transformers up to 4.51 and from 4.52 on. */
const TEXT_PART = /^(?:language_model\.|model\.language_model\.)/;

/** The other parts of a multimodal model. */
const OTHER_PARTS = /^(?:model\.)?(?:vision_tower|vision_model|visual|multi_modal_projector|audio_tower)\./;

/** Modules inside of `model`. Checkpoints of the base class, without output layer, lack the prefix. */
const IN_MODEL = /^(?:embed_tokens|layers|norm)\./;

/**
 * Returns the names of the decoder's tensors, each with its name in the file, in the order of the file.
 *
 * @param names - all names in the files
 * @param where - path of the file, for messages
 * @throws ConfigError if two tensors get the same name, or the file has an adapter that is not merged
 */
export function decoderNames(names: readonly string[], where: string): Map<string, string> {
  const isMultimodal = names.some((name) => TEXT_PART.test(unwrapped(name)));
  const stored = new Map<string, string>();
  for (const original of names) {
    if (/\.lora_[AB]\./.test(original))
      throw new ConfigError(
        `${where}: tensor "${original}" belongs to an adapter; expected weights that it is merged into, or a PEFT folder with adapter_config.json`,
      );
    const plain = unwrapped(original);
    if (isMultimodal && OTHER_PARTS.test(plain)) continue;
    const name = decoderName(plain);
    const other = stored.get(name);
    if (other !== undefined)
      throw new ConfigError(
        `${where}: tensors "${other}" and "${original}" both stand for "${name}"; remove one of them`,
      );
    stored.set(name, original);
  }
  return stored;
}

function unwrapped(name: string): string {
  return name.replace(WRAPPERS, '').replace(OUTER, '');
}

function decoderName(name: string): string {
  const text = name.replace(TEXT_PART, '');
  return IN_MODEL.test(text) ? `model.${text}` : text;
}
