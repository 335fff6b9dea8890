/**
 * Runs the closing comparison of a training run with the untrained team, which is loaded again.
 * @module
 */
import type { Config } from '../config/schema.ts';
import type { DiskRunStore } from '../store/disk-run-store.ts';
import type { EventSink, RunEvent } from '../train/events.ts';
import type { TrainingOutcome } from '../train/run.ts';
import { closingComparison } from './closing-comparison.ts';
import { type Composition, closeTeam, loadTeam } from './compose.ts';

/**
 * Compares the trained with the untrained team. Loads the untrained team again, because training changed its
 * weights.
 */
export async function evaluateOutcome(
  composition: Composition,
  { team, champion }: TrainingOutcome,
  {
    store,
    sink,
    signal,
  }: {
    readonly store: DiskRunStore;
    readonly sink: EventSink;
    readonly signal: AbortSignal | undefined;
  },
): Promise<readonly RunEvent[]> {
  const { config, task } = composition;
  const best = store.champion();
  const isOther = best !== undefined && best.stage > 0 && best.stage !== store.lastCheckpoint()?.stage;
  const untrained = await loadTeam(composition, { areChecked: true });
  try {
    return await closingComparison(
      {
        untrained,
        trained: team,
        ...(isOther && champion
          ? {
              champion: {
                stage: best.stage,
                load: async () => {
                  await champion.load();
                  return champion.team;
                },
              },
            }
          : {}),
      },
      {
        task,
        seed: config.seed,
        stage: config.train.stages,
        prompts: config.eval.prompts,
        samples: config.eval.k,
        temperature: config.train.temperature,
        maxTokens: config.train.max_completion_length,
        truncated: config.train.truncated,
        areCopies: areCopies(config),
        ...(signal && { signal }),
        emit: (event) => sink.emit(event),
      },
    );
  } finally {
    await closeTeam(untrained);
  }
}

/** Returns whether the agents start as copies of one model, with the same prompts, and vote. */
export function areCopies({ agents, protocol }: Pick<Config, 'agents' | 'protocol'>): boolean {
  const settings = agents.map(({ name: _, ...rest }) => JSON.stringify(rest));
  return protocol.kind === 'vote' && new Set(settings).size === 1;
}
