/**
 * How good the team is after each stage, on test prompts that nothing ever learns from: always the
 * same ones with the same random streams, so that what changes from stage to stage is the team.
 * @module
 */
import { mean } from '../core/stats.ts';
import type { Team, Trajectory } from '../team/team.ts';
import { progressOf, type RunContext } from './context.ts';
import { playEpisodes } from './episodes.ts';
import { trainStream } from './streams.ts';
import { transcripts } from './transcripts.ts';

/** Prompts whose transcripts are kept: the same after every stage, so that stages can be laid side by side. */
const TRANSCRIBED_PROMPTS = 16;

/**
 * Plays one episode on each of the first `stageEvaluationPrompts` test prompts and records the rewards; does
 * nothing where a run asks for none.
 *
 * @param stage - after which; 0: the base team
 */
export async function evaluateStage(context: RunContext, team: Team, stage: number): Promise<void> {
  const { task, options } = context;
  const { stageEvaluationPrompts: prompts, seed } = options;
  if (prompts === 0) return;
  const trajectories = await playEpisodes(context, team, {
    stage,
    items: Array.from({ length: prompts }, (_, index) => task.item('test', index)),
    samples: 1,
    stream: trainStream(seed, 'stage_evaluation'), // the same after every stage: paired
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
    ...(team.protocol.agentsAnswer && { agents: team.agents.map(({ id }) => ownShare(trajectories, id)) }),
  });
}

/** Share of a member's own answers that are right; null if it gave none. */
function ownShare(trajectories: readonly Trajectory[], agent: number): number | null {
  const own = trajectories.flatMap(({ agentVerdicts }) => agentVerdicts[agent] ?? []);
  return own.length === 0 ? null : mean(own.map(({ correct }) => Number(correct)));
}
