/**
 * Metadata of a model card, in the format of the Hugging Face hub.
 * @see https://huggingface.co/docs/hub/model-cards
 * @module
 */

export interface CardAgent {
  readonly name: string;
  /** Name of the base model, as in the team file, or of its folder. */
  readonly base: string;
  /** Repository of the base model on the hub; absent for a local folder. */
  readonly hub?: string;
  /** Licence of the base and the file that states it; absent if its files state none. */
  readonly license?: { readonly license: string; readonly name?: string; readonly source: string };
  readonly instruction?: string;
  /** Few-shot examples, as chat turns before the conversation. */
  readonly examples?: readonly { readonly prompt: string; readonly answer: string }[];
  /** Chat template in place of the one in the base model; absent: that of the base. */
  readonly chatTemplate?: 'plain' | 'custom';
  /** Names of the weight files. */
  readonly files: readonly string[];
  readonly format: 'safetensors' | 'gguf';
  /** Whether the files are an adapter, which needs its base. */
  readonly isAdapter: boolean;
  /** Type of the weights, and how they were made. */
  readonly weights: string;
  /** Sentences about the measured effect of rounding. */
  readonly rounding?: readonly string[];
}

/** Returns the YAML block of a card about these agents. */
export function cardMetadata(agents: readonly CardAgent[]): string {
  const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];
  const hub = unique(agents.flatMap(({ hub: repo }) => repo ?? []));
  const isAdapter = agents.every((agent) => agent.isAdapter);
  const isGguf = agents.every(({ format }) => format === 'gguf');
  return [
    '---',
    `library_name: ${isGguf ? 'llama.cpp' : isAdapter ? 'peft' : 'transformers'}`,
    'pipeline_tag: text-generation',
    ...licenseFields(agents),
    ...(hub.length === 0
      ? []
      : [
          'base_model:',
          ...hub.map((name) => `- ${name}`),
          `base_model_relation: ${isAdapter ? 'adapter' : 'finetune'}`,
        ]),
    'tags:',
    '- troupe',
    '- sequential-agent-tuning',
    '- reinforcement-learning',
    ...(isAdapter ? ['- lora'] : []),
    ...(isGguf ? ['- gguf'] : []),
    '---',
  ].join('\n');
}

/** The licence, if all bases have the same one. */
function licenseFields(agents: readonly CardAgent[]): string[] {
  const [license] = agents.map((agent) => agent.license);
  const key = (value: CardAgent['license']): string => JSON.stringify([value?.license, value?.name]);
  if (license === undefined || agents.some((agent) => key(agent.license) !== key(license))) return [];
  const name = license.name === undefined ? [] : [`license_name: ${JSON.stringify(license.name)}`];
  return [`license: ${license.license}`, ...(license.license === 'other' ? name : [])];
}
