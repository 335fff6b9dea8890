/**
 * Mode `distil` of a swap: trains the replacement on messages that the mixture of both models (called Stage
 * 0) generates as an agent of the team.
 * @module
 */
import type { Model } from '../engine/engine.ts';
import { withModel } from '../swap/acceptance.ts';
import { distil, measureDivergence } from '../swap/distil.ts';
import { MessageMixtureModel } from '../swap/message-model.ts';
import { vocabularyDifference } from '../swap/mixable.ts';
import { MixtureModel } from '../swap/mixture-model.ts';
import type { Distillation } from '../swap/swap-record.ts';
import { rollout } from '../team/rollout.ts';
import type { RunContext } from '../train/context.ts';
import { trainStream } from '../train/streams.ts';
import type { CandidateParts } from './swap-candidate.ts';

/**
 * Distills the mixture into the replacement, in place. The prompts are the next training prompts of the run.
 */
export async function distilReplacement(
  context: RunContext,
  { settings, agent, team, replacement, slots }: CandidateParts,
): Promise<Distillation> {
  const incumbent = team.agents[agent]?.model as Model;
  const shareVocabulary = vocabularyDifference(incumbent, replacement) === undefined;
  const { delta0, candidates } = settings;
  const teacher = shareVocabulary
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
  // the mixture contains the replacement model, so the mixture's distributions are stored before distillation
  // changes the replacement
  const teacherBefore = shareVocabulary ? await distributionsOf(teacher, sequences, score) : undefined;
  const loss = await distil(replacement, sequences, {
    steps: settings.distilSteps,
    batchSize: Math.min(options.minibatchSize, sequences.length),
    adamw: options.optimizer,
    score,
    onProgress: (done, total) =>
      context.emit({ kind: 'phase', stage: 0, agent, phase: 'update', done, total }),
  });
  const states = { sequences, score };
  const fromTeacher = teacherBefore && (await measureDivergence(replacement, teacherBefore, states));
  const fromIncumbent = shareVocabulary ? await measureDivergence(replacement, incumbent, states) : undefined;
  return {
    messages: sequences.length,
    lossBefore: loss.before,
    lossAfter: loss.after,
    ...(fromTeacher && { fromTeacher }),
    ...(fromIncumbent && { fromIncumbent }),
  };
}

/**
 * Stores a model's next-token distributions for given messages, so that they can be compared with those of
 * another model after the model's weights have changed.
 */
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
