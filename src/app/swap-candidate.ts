/**
 * The model a swap would put into the seat, by mode, and how its folder is written.
 * @module
 */
import { cpSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Model } from '../engine/engine.ts';
import { withModel } from '../swap/acceptance.ts';
import { distil, type MeasuredDivergence, measureDivergence } from '../swap/distil.ts';
import { MessageMixtureModel } from '../swap/message-model.ts';
import { requireMixable, vocabularyDifference } from '../swap/mixable.ts';
import { componentFolders, writeMessageMixtureFile, writeMixtureFile } from '../swap/mixture-folder.ts';
import { MixtureModel } from '../swap/mixture-model.ts';
import { rollout } from '../team/rollout.ts';
import type { Team } from '../team/team.ts';
import type { RunContext } from '../train/context.ts';
import { trainStream } from '../train/streams.ts';
import type { SwapRequest } from './swap-request.ts';

/** Folders the two models were read from. */
export interface ComponentSources {
  readonly incumbent: string;
  readonly replacement: string;
}

export interface Candidate {
  /** Names it in tables: `stage-0`, `distilled`. */
  readonly label: string;
  readonly model: Model;
  /** What can be said of it that is exact, and what is estimated; one line each. */
  readonly notes: () => readonly string[];
  /** Fills the seat's folder. */
  readonly write: (dir: string, sources: ComponentSources) => Promise<void>;
}

export interface CandidateParts {
  readonly request: SwapRequest;
  readonly agent: number;
  readonly team: Team;
  readonly replacement: Model;
  readonly slots: number;
}

/**
 * @returns undefined for mode `raw`, where the replacement itself is the candidate
 * @throws ConfigError where the two models cannot be used together in this mode
 */
export function createCandidate(parts: CandidateParts): Candidate | undefined {
  const { request, agent, team, replacement, slots } = parts;
  const incumbent = team.agents[agent]?.model as Model;
  const { delta0, candidates } = request;
  switch (request.mode) {
    case 'raw':
      return undefined;
    case 'mixture':
    case 'handover': {
      requireMixable({ incumbent, replacement }, `agent ${agent}`);
      return {
        label: 'stage-0',
        model: new MixtureModel({ incumbent, replacement, steps: [delta0], slots }),
        notes: () => [`exact: at every token KL(mixture || old model) is at most ${delta0} nats`],
        async write(dir, sources) {
          copyComponents(dir, sources);
          writeMixtureFile(dir, [delta0]);
        },
      };
    }
    case 'message': {
      const model = new MessageMixtureModel({ incumbent, replacement, delta0, candidates });
      return {
        label: 'stage-0 (messages)',
        model,
        notes: () => messageNotes(model, delta0, candidates),
        async write(dir, sources) {
          copyComponents(dir, sources);
          writeMessageMixtureFile(dir, { delta0, candidates });
        },
      };
    }
    case 'distil':
      return {
        label: 'distilled',
        model: replacement,
        notes: () => [],
        write: (dir) => replacement.save(dir),
      };
    default:
      return request.mode satisfies never;
  }
}

function messageNotes(model: MessageMixtureModel, delta0: number, candidates: number): string[] {
  const report = model.report();
  const measured =
    report === undefined
      ? []
      : [
          `estimated: over ${report.messages} messages the mixture's weight is ${report.meanWeight.toFixed(3)}, its KL from the old model ${report.meanKlEstimate.toFixed(4)} nats per message (radius ${delta0}), its candidates worth ${report.meanEss.toFixed(1)} of ${candidates}`,
        ];
  return ['nothing is exact: messages are resampled among candidates, and scored as text', ...measured];
}

/** Copies every file of both models byte for byte. */
function copyComponents(dir: string, { incumbent, replacement }: ComponentSources): void {
  const members = componentFolders(dir);
  copyModel(incumbent, members.incumbent);
  copyModel(replacement, members.replacement);
}

/** A model's files; folders inside it, and links to elsewhere, are followed by content. */
export function copyModel(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    const source = join(from, name);
    const isPart = statSync(source).isFile() || name === 'incumbent' || name === 'replacement';
    if (isPart) cpSync(source, join(to, name), { recursive: true, dereference: true });
  }
}

/** What distillation did, in numbers. */
export interface Distillation {
  readonly messages: number;
  readonly lossBefore: number;
  readonly lossAfter: number;
  /** Of the replacement from the mixture it was taught, and from the old model; same vocabulary only. */
  readonly fromTeacher?: MeasuredDivergence;
  readonly fromIncumbent?: MeasuredDivergence;
}

/**
 * Teaches the replacement, in place, what the Stage-0 mixture says at the team's own states on the next
 * training prompts.
 */
export async function teachReplacement(
  context: RunContext,
  { request, agent, team, replacement, slots }: CandidateParts,
): Promise<Distillation> {
  const incumbent = team.agents[agent]?.model as Model;
  const shared = vocabularyDifference(incumbent, replacement) === undefined;
  const { delta0, candidates } = request;
  const teacher = shared
    ? new MixtureModel({ incumbent, replacement, steps: [delta0], slots })
    : new MessageMixtureModel({ incumbent, replacement, delta0, candidates });
  const { options } = context;
  const played = await rollout(withModel(team, agent, teacher), context.task, {
    items: context.prompts.train.take(options.promptsPerStep * 4),
    samples: options.numGenerations,
    temperature: options.temperature,
    maxTokens: options.maxCompletionLength,
    stream: trainStream(options.seed, 'rollout', 0, agent),
    ...(context.signal && { signal: context.signal }),
  });
  context.state.prompts.train = context.prompts.train.position;
  const sequences = played.flatMap(({ messages }) =>
    messages
      .filter((message) => message.agent === agent)
      .map(({ context: before, tokens }) => ({ context: before, tokens })),
  );
  const score = { temperature: options.temperature, ...(context.signal && { signal: context.signal }) };
  // the teacher is made of the replacement, so what it was is kept to measure against
  const asRead = shared ? await distributionsOf(teacher, sequences, score) : undefined;
  const loss = await distil(replacement, sequences, {
    steps: request.distilSteps,
    batchSize: Math.min(options.minibatchSize, sequences.length),
    adamw: options.optimizer,
    score,
    onProgress: (done, total) =>
      context.emit({ kind: 'phase', stage: 0, agent, phase: 'update', done, total }),
  });
  const measured = { sequences, score };
  const fromTeacher = asRead && (await measureDivergence(replacement, asRead, measured));
  const fromIncumbent = shared ? await measureDivergence(replacement, incumbent, measured) : undefined;
  return {
    messages: sequences.length,
    lossBefore: loss.before,
    lossAfter: loss.after,
    ...(fromTeacher && { fromTeacher }),
    ...(fromIncumbent && { fromIncumbent }),
  };
}

/** A model's distributions at given states, kept: it can be measured against after its weights changed. */
async function distributionsOf(
  model: Model,
  sequences: Parameters<NonNullable<Model['distributions']>>[0],
  score: Parameters<Model['forward']>[1],
): Promise<Pick<Model, 'distributions'> | undefined> {
  if (model.distributions === undefined) return undefined;
  const rows: Float32Array[] = [];
  await model.distributions(sequences, score, (index, logp) => {
    rows[index] = logp.slice();
  });
  return {
    async distributions(_sequences, _params, visit) {
      for (const [index, row] of rows.entries()) visit(index, row);
    },
  };
}
