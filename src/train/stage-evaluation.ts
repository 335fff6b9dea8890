/**
 * Evaluates the team after each stage on prompts of the test split. Prompts and random streams are the same
 * after every stage, so results differ only through the team.
 * @module
 */
import { mean } from '../core/stats.ts';
import type { Team, Trajectory } from '../team/team.ts';
import { progressOf, type RunContext } from './context.ts';
import { playEpisodes } from './episodes.ts';
import { trainStream } from './streams.ts';
import { transcripts } from './transcripts.ts';

/** Number of prompts whose transcripts are stored: the same prompts after every stage, for comparison. */
const TRANSCRIBED_PROMPTS = 16;

/**
 * Plays one episode on each of the first `stageEvaluationPrompts` prompts of the test split and records the rewards;
 * does nothing if the option is 0.
 *
 * @param stage - number of completed stages; 0: the base team
 */
export async function evaluateStage(context: RunContext, team: Team, stage: number): Promise<void> {
  const { task, options } = context;
  const { stageEvaluationPrompts: prompts, seed } = options;
  if (prompts === 0) return;
  const trajectories = await playEpisodes(context, team, {
    stage,
    items: Array.from({ length: prompts }, (_, index) => task.item('test', index)),
    samples: 1,
    // all stages use the same stream, so that their rewards are paired
    stream: trainStream(seed, 'stage_evaluation'),
    onProgress: progressOf(context, { stage }, 'evaluate'),
  });
  context.transcribe(
    stage,
    transcripts(trajectories, { stage, split: 'test', prompts: TRANSCRIBED_PROMPTS }),
  );
  context.emit({
    kind: 'stage_evaluation',
    stage,
    rewards: trajectories.map(({ reward }) => reward),
    ...(team.protocol.agentsAnswer && { agents: team.agents.map(({ id }) => ownAccuracy(trajectories, id)) }),
  });
}

/** Returns the share of an agent's own answers that are correct, 0..1; null if it gave no answer. */
function ownAccuracy(trajectories: readonly Trajectory[], agent: number): number | null {
  const own = trajectories.flatMap(({ agentVerdicts }) => agentVerdicts[agent] ?? []);
  return own.length === 0 ? null : mean(own.map(({ correct }) => Number(correct)));
}
