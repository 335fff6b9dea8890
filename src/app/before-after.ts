/**
 * What training was worth, on test prompts no loss and no test ever saw: the trained team against the
 * untrained one, against its best member, and against self-consistency of one untrained member with as
 * many samples.
 * @module
 */
import { randomStream } from '../core/rng.ts';
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
import type { Team } from '../team/team.ts';
import type { RunEvent } from '../train/events.ts';

/** Key of evaluation streams after the seed; far from those of training (`train/streams.ts`). */
const EVALUATION = 1001;

export interface BeforeAfterOptions {
  readonly task: Task;
  readonly seed: number;
  /** Stage after which the team is measured. */
  readonly stage: number;
  /** Test prompts. */
  readonly prompts: number;
  /** K: episodes per prompt. */
  readonly samples: number;
  readonly temperature: number;
  readonly maxTokens: number;
  readonly signal?: AbortSignal;
  /** Progress is emitted as `phase` events. */
  readonly emit: (event: RunEvent) => void;
}

export interface Contestants {
  readonly untrained: Team;
  readonly trained: Team;
  /** The champion, where it is neither of the two: puts its weights in place when called, after `trained` was measured. */
  readonly champion?: { readonly stage: number; readonly load: () => Promise<Team> };
}

/** Stream of evaluations of a run: contestants draw from like streams, so differences are paired twice. */
export function evaluationStream(seed: number): EvaluateOptions['stream'] {
  return randomStream(seed, EVALUATION);
}

/** @returns `warning`, `evaluation` and `comparison` events, in the order they are to be read */
export async function beforeAfter(
  { untrained, trained, champion }: Contestants,
  options: BeforeAfterOptions,
): Promise<RunEvent[]> {
  const { task, stage, emit, seed, ...shared } = options;
  const contestants = champion === undefined ? 3 : 4;
  let finished = 0;
  const warnings = new Set<string>(); // all contestants play the same prompts
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
        total: contestants * total,
      }),
    onWarning: (message) => warnings.add(message),
  });
  const evaluated = async (run: Promise<TeamEvaluation>): Promise<TeamEvaluation> => {
    const evaluation = await run;
    finished++;
    return evaluation;
  };

  const after = await evaluated(evaluateTeam(trained, task, measure('trained team')));
  const best =
    champion &&
    (await evaluated(
      evaluateTeam(await champion.load(), task, measure(`champion (stage ${champion.stage})`)),
    ));
  const before = await evaluated(evaluateTeam(untrained, task, measure('untrained team')));
  const strongest = untrained.agents[bestAgent(before)?.agent ?? 0]!;
  const votes = messagesPerAnswer(task, untrained, before);
  const alone = await evaluated(
    selfConsistency(strongest, task, { ...measure(`untrained ${strongest.name} x ${votes}, voting`), votes }),
  );

  return [
    ...[...warnings].map((message): RunEvent => ({ kind: 'warning', stage, message })),
    ...[before, alone, after, ...(best ? [best] : [])].map(
      (evaluation): RunEvent => ({
        kind: 'evaluation',
        stage,
        ...evaluationRecord(evaluation),
        // the "members" of a self-consistency vote are one agent's samples, not agents
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
  const member = bestAgent(after);
  return [
    event('trained team - untrained team', after.team, before.team),
    ...(member && after.agents.length > 1
      ? [event('trained team - its best member', after.team, member.scores)]
      : []),
    event(`trained team - ${alone.label}`, after.team, alone.team),
    ...(best ? [event(`${best.label} - untrained team`, best.team, before.team)] : []),
  ];
}

/** How many messages the team spends on one answer, or move: what self-consistency may spend too. */
function messagesPerAnswer(
  task: Task,
  { protocol, agents }: Team,
  { tokens, meanLength, prompts, samples }: TeamEvaluation,
): number {
  if (task.environment && protocol.moves) return protocol.moves.active(0, [], agents.length).length;
  return Math.max(1, Math.round(tokens / meanLength / (prompts * samples)));
}
