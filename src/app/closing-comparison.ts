/**
 * The evaluation at the end of a training run, on prompts of the test split. It compares the trained team
 * with the untrained team, with the champion (the checkpoint that passed the last promotion test), and with
 * self-consistency of the best untrained agent at the same number of samples.
 * @module
 */
import { compare, type MeasureName } from '../evaluate/compare.ts';
import {
  bestAgent,
  type EvaluateOptions,
  evaluateTeam,
  evaluationRecord,
  selfConsistency,
  type TeamEvaluation,
} from '../evaluate/evaluate.ts';
import type { Scores } from '../evaluate/scores.ts';
import type { Task } from '../task/task.ts';
import type { TruncatedRule } from '../team/cut-off.ts';
import type { Team } from '../team/team.ts';
import { type RunEvent, TRAINED_TEAM } from '../train/events.ts';
import { evaluationStream } from './evaluation-stream.ts';

export interface ClosingComparisonOptions {
  readonly task: Task;
  readonly seed: number;
  /** Number of the stage after which the team is evaluated. */
  readonly stage: number;
  /** Number of prompts of the test split. */
  readonly prompts: number;
  /** K: episodes per prompt. */
  readonly samples: number;
  readonly temperature: number;
  readonly maxTokens: number;
  readonly truncated: TruncatedRule;
  /**
   * Whether the untrained agents are copies of one model that vote. The untrained team is then one model with as many
   * votes, and is not evaluated twice.
   */
  readonly areCopies: boolean;
  readonly signal?: AbortSignal;
  /** Receives progress as `phase` events. */
  readonly emit: (event: RunEvent) => void;
}

export interface ComparedTeams {
  readonly untrained: Team;
  readonly trained: Team;
  /**
   * The champion (the team that passed the last promotion test), unless it equals the trained or the
   * untrained team. `load` may overwrite the weights of `trained`.
   */
  readonly champion?: { readonly stage: number; readonly load: () => Promise<Team> };
}

/**
 * @returns the `warning`, `evaluation` and `comparison` events, in the order in which the report shows them
 */
export async function closingComparison(
  { untrained, trained, champion }: ComparedTeams,
  options: ClosingComparisonOptions,
): Promise<RunEvent[]> {
  const { task, stage, emit, seed, areCopies, ...shared } = options;
  const evaluations = 2 + (areCopies ? 0 : 1) + (champion === undefined ? 0 : 1);
  let finished = 0;
  // a set, because all evaluations use the same prompts and therefore issue the same warnings
  const warnings = new Set<string>();
  const measure = (label: string): EvaluateOptions => ({
    ...shared,
    label,
    split: 'test',
    stream: evaluationStream(seed),
    onProgress: (done, total) =>
      emit({
        kind: 'phase',
        stage,
        phase: 'evaluate',
        done: finished * total + done,
        total: evaluations * total,
      }),
    onWarning: (message) => warnings.add(message),
  });
  const evaluated = async (run: Promise<TeamEvaluation>): Promise<TeamEvaluation> => {
    const evaluation = await run;
    finished++;
    return evaluation;
  };

  const after = await evaluated(evaluateTeam(trained, task, measure(TRAINED_TEAM)));
  const best =
    champion &&
    (await evaluated(
      evaluateTeam(await champion.load(), task, measure(`champion (stage ${champion.stage})`)),
    ));
  const before = await evaluated(evaluateTeam(untrained, task, measure('untrained team')));
  const strongest = untrained.agents[bestAgent(before)?.agent ?? 0]!;
  const votes = messagesPerAnswer(task, untrained, before);
  const label = `untrained ${areCopies ? 'model' : strongest.name} x ${votes}, voting`;
  const alone = areCopies
    ? { ...before, label }
    : await evaluated(selfConsistency(strongest, task, { ...measure(label), votes }));

  return [
    ...[...warnings].map((message): RunEvent => ({ kind: 'warning', stage, message })),
    ...[before, alone, after, ...(best ? [best] : [])].map(
      (evaluation): RunEvent => ({
        kind: 'evaluation',
        stage,
        ...evaluationRecord(evaluation),
        // self-consistency has no scores of single agents, because its votes are samples of one agent
        ...(evaluation === alone ? { agents: [] } : {}),
      }),
    ),
    ...comparisons({ after, before, alone, best }, stage),
  ];
}

function comparisons(
  {
    after,
    before,
    alone,
    best,
  }: {
    after: TeamEvaluation;
    before: TeamEvaluation;
    alone: TeamEvaluation;
    best: TeamEvaluation | undefined;
  },
  stage: number,
): RunEvent[] {
  const event = (label: string, a: Scores, b: Scores, measure: MeasureName = 'avg'): RunEvent => ({
    kind: 'comparison',
    stage,
    label,
    difference: compare(a, b, measure),
  });
  const strongest = bestAgent(after);
  return [
    event(`${TRAINED_TEAM} - untrained team`, after.team, before.team),
    ...(strongest && after.agents.length > 1
      ? [event(`${TRAINED_TEAM} - its best agent`, after.team, strongest.scores)]
      : []),
    event(`${TRAINED_TEAM} - ${alone.label}`, after.team, alone.team),
    ...(best ? [event(`${best.label} - untrained team`, best.team, before.team)] : []),
  ];
}

/**
 * Returns the number of samples for self-consistency: the number of messages that the team generates per
 * answer, or per move of an interactive task.
 */
function messagesPerAnswer(
  task: Task,
  { protocol, agents }: Team,
  { tokens, meanLength, prompts, samples }: TeamEvaluation,
): number {
  if (task.environment && protocol.moves) return protocol.moves.active(0, [], agents.length).length;
  return Math.max(1, Math.round(tokens / meanLength / (prompts * samples)));
}
