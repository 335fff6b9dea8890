/**
 * Collects the facts of the model cards of an export from the run's folder and the base models.
 * @module
 */
import { basename } from 'node:path';
import type { Config } from '../config/schema.ts';
import { type BaseLicense, baseLicense } from '../export/base-license.ts';
import type { CardAgent, CardFacts } from '../report/model-card.ts';
import { foldEvents } from '../run-view/event-rows.ts';
import { finishedStages, sampledTokens, testCounts, updatesOf, updateTotals } from '../run-view/selectors.ts';
import { readEvents, type StoredTeam } from '../store/read-run.ts';
import { PLAIN } from '../support/chat-template-setting.ts';
import { isHubReference, parseHubReference } from '../support/model-reference.ts';
import { chatSettings } from './compose/agent-text.ts';
import { wholeModelFolder } from './compose/model-size.ts';
import { cachedModelFolder, type DownloadOptions } from './hub-models.ts';
import { packageVersion } from './package-version.ts';

/** Facts about one exported agent that its card contains. */
export type ExportedFacts = Pick<CardAgent, 'files' | 'format' | 'isAdapter' | 'weights' | 'rounding'>;

/** Returns the row of an agent in the card. */
export async function cardAgent(
  config: Config,
  id: number,
  { download, ...exported }: ExportedFacts & { readonly download: DownloadOptions },
): Promise<CardAgent> {
  const { name = '', model = '', instruction, examples } = config.agents[id] ?? {};
  const { chatTemplate } = chatSettings(config, id);
  const license = await licenseOfBase(model, download);
  return {
    name,
    // the model card shows only the name of a local folder, because its path has no meaning on other machines
    base: isHubReference(model) ? model : basename(model),
    ...(isHubReference(model) ? { hub: parseHubReference(model).repo } : {}),
    ...(license === undefined ? {} : { license }),
    ...(instruction === undefined ? {} : { instruction }),
    ...(examples === undefined || examples.length === 0 ? {} : { examples }),
    ...(chatTemplate === undefined ? {} : { chatTemplate: chatTemplate === PLAIN ? PLAIN : 'custom' }),
    ...exported,
  };
}

/** Licence of a base model; undefined if its folder states none or is not on this machine. */
async function licenseOfBase(model: string, download: DownloadOptions): Promise<BaseLicense | undefined> {
  const dir = isHubReference(model) ? await cachedModelFolder(model, download) : model;
  if (dir === undefined) return undefined;
  const own = baseLicense(dir);
  if (own !== undefined) return own;
  const whole = wholeModelFolder(dir);
  return whole === dir ? undefined : baseLicense(whole);
}

/** Returns the facts that the cards of all agents share. */
export function cardFacts(
  { run, checkpoint }: StoredTeam,
  config: Config,
  agents: readonly CardAgent[],
): CardFacts {
  const view = foldEvents(readEvents(run));
  const { updates, byStatus } = updateTotals(updatesOf(view));
  const { task, protocol, algorithm, seed, train, trust_region, gate, engine } = config;
  return {
    title: config.name,
    checkpoint,
    agents,
    facts: [
      ['task', task.name],
      ['protocol', protocol.kind],
      ['algorithm', algorithm],
      ['checkpoint', checkpoint],
      [
        'stages',
        `${finishedStages(view).length}, ${train.prompts_per_step} prompts x ${train.num_generations} episodes per step`,
      ],
      ['updates', `${byStatus.ACCEPT} of ${updates} accepted`],
      [
        'radius',
        `quantile ${trust_region.quantile} of KL(new || old) per token state at most ${trust_region.target_kl} nats`,
      ],
      ...(engine.lora_rank === 0
        ? []
        : [
            [
              'adapters',
              `${engine.lora_rslora ? 'rank-stabilised ' : ''}LoRA, r ${engine.lora_rank}, alpha ${engine.lora_alpha}, ${engine.lora_target_modules}`,
            ] as const,
          ]),
      ['promotions', `${testCounts(view).promote} (gate ${gate.kind}, alpha ${gate.alpha})`],
      ['tokens sampled', String(sampledTokens(view))],
      ['seed', String(seed)],
      ['troupe', packageVersion()],
    ],
    evaluations: view.evaluations,
    comparisons: view.comparisons,
    use: intendedUse(config, agents),
  };
}

function intendedUse(
  { protocol, train, task, agents, chat_template_kwargs }: Config,
  exported: readonly CardAgent[],
): string[] {
  const kwargs = Object.entries(chat_template_kwargs ?? {});
  return [
    [
      `The ${agents.length} agents answer prompts of the task \`${task.name}\` together, by the protocol \`${protocol.kind}\`.`,
      `Messages were sampled at temperature ${train.temperature} with at most ${train.max_completion_length} tokens, without top-p or top-k, from the chat template in the tokenizer's files.`,
      ...(kwargs.length === 0
        ? []
        : [
            `Template variables: ${kwargs.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join(', ')}.`,
          ]),
      'A single agent alone, other prompts and other sampling settings were not measured.',
    ].join(' '),
    ...teamCommands(exported),
  ];
}

/** Commands on the exported team file; there is none for adapters in GGUF files. */
function teamCommands(agents: readonly CardAgent[]): string[] {
  if (agents.some(({ format, isAdapter }) => format === 'gguf' && isAdapter)) return [];
  return [
    'The whole team as one model, and its accuracy on test prompts, in the folder with `team.yaml`:',
    '```sh\nnpx troupe serve team.yaml\nnpx troupe eval team.yaml --split test\n```',
  ];
}
