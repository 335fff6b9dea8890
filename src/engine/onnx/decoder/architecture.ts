/**
 * Determines the model family of a `config.json`. Transformers goes by `model_type`, and so does this module; the class
 * in `architectures` must be a causal language model of a supported family, too.
 * @see families.ts
 * @module
 */
import { ConfigError } from '../../../support/errors.ts';
import type { Fields } from './config-fields.ts';
import { ARCHITECTURES, type Architecture, FAMILIES, isArchitecture } from './families.ts';

/** Classes of models for text and images whose text part is a supported decoder, by their `model_type`. */
const WITH_IMAGES: Readonly<Record<string, string>> = {
  gemma3: 'Gemma3ForConditionalGeneration',
  mistral3: 'Mistral3ForConditionalGeneration',
};

/** Fields of a model for text and images that replace those of its text part. */
const OUTER_FIELDS = ['bos_token_id', 'eos_token_id', 'pad_token_id', 'quantization_config'];

export interface DescribedModel {
  readonly architecture: Architecture;
  /** Fields of the decoder. */
  readonly raw: Fields;
}

/**
 * @param where - path of the file, for messages
 * @throws ConfigError if the architecture is not supported
 */
export function describeModel(
  raw: Fields,
  where: string,
  onWarning?: (message: string) => void,
): DescribedModel {
  const named: unknown = Array.isArray(raw.architectures) ? raw.architectures[0] : undefined;
  const withImages = WITH_IMAGES[String(raw.model_type)];
  const text = raw.text_config;
  if (withImages !== undefined && isFields(text) && (named ?? withImages) === withImages) {
    onWarning?.(
      `${where}: ${withImages} is read without its parts for images; a saved model has its text part only`,
    );
    const outer = OUTER_FIELDS.filter((key) => raw[key] != null).map((key) => [key, raw[key]]);
    const { architectures: _, ...decoder } = text;
    return describeModel({ ...decoder, ...Object.fromEntries(outer) }, where, onWarning);
  }
  const byType = ARCHITECTURES.find((architecture) => FAMILIES[architecture].modelType === raw.model_type);
  const byName = named == null ? byType : architectureOf(String(named));
  if (byName === undefined)
    throw new ConfigError(
      `${where}: architecture "${String(named ?? raw.model_type)}" is not supported; supported: ${ARCHITECTURES.join(', ')}`,
      { code: 'TROUPE_ARCHITECTURE' },
    );
  if (byType === undefined || byType === byName) return { architecture: byName, raw };
  onWarning?.(
    `${where}: expected one family, got ${String(named)} and model_type "${String(raw.model_type)}"; the latter counts, as in Transformers`,
  );
  return { architecture: byType, raw };
}

/**
 * Returns the supported class that a name stands for. A checkpoint of the model without its output layer has the
 * name of the base class, and some FSDP checkpoints have a prefix.
 */
function architectureOf(name: string): Architecture | undefined {
  const plain = name.replace(/^FSDP/, '').replace(/(?:Text)?Model$/, 'ForCausalLM');
  return isArchitecture(plain) ? plain : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
