/**
 * How good the team is after each stage, on held-out prompts that nothing ever learns from: always the
 * same ones with the same random streams, so that what changes from stage to stage is the team.
 * @module
 */
import type { Team } from '../team/team.ts';
import { progressOf, type RunContext } from './context.ts';
import { playEpisodes } from './episodes.ts';
import { trainStream } from './streams.ts';

/**
 * Plays one episode on each of the first `heldoutPrompts` held-out prompts and records the rewards; does
 * nothing where a run asks for none.
 *
 * @param stage - after which; 0: the base team
 */
export async function measureHeldOut(context: RunContext, team: Team, stage: number): Promise<void> {
  const { task, options } = context;
  const { heldoutPrompts: prompts, seed } = options;
  if (prompts === 0) return;
  const trajectories = await playEpisodes(context, team, {
    stage,
    items: Array.from({ length: prompts }, (_, index) => task.item('heldout', index)),
    samples: 1,
    stream: trainStream(seed, 'heldout'), // the same after every stage: paired
    onProgress: progressOf(context, { stage }, 'evaluate'),
  });
  context.emit({ kind: 'heldout', stage, rewards: trajectories.map(({ reward }) => reward) });
}
