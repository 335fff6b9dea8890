/**
 * Runs the environment of interactive episodes: passes the team's messages to the environment and returns its
 * next step. A step may ask questions to an answerer: a function that answers them, e.g. a language model
 * that plays a user. The questions of all episodes of a turn are answered in one call, because a task itself
 * makes no calls to models.
 * @module
 */
import type { RandomStream } from '../core/rng.ts';
import { TaskError } from '../support/errors.ts';
import type {
  Answerer,
  Environment,
  EnvironmentStep,
  PendingStep,
  Task,
  TaskItem,
  Verdict,
} from '../task/task.ts';
import type { VerifierCache } from './verifier-cache.ts';

/**
 * Maximum number of questions that a task may ask per message. A task that asks more counts as one that never
 * stops.
 */
const MAX_QUESTIONS = 16;

/** Returns the environment's first step of an episode. If the task throws, the episode ends at once. */
export function resetEnvironment(
  environment: Environment,
  item: TaskItem,
  verifier: VerifierCache,
): EnvironmentStep {
  try {
    return environment.reset(item);
  } catch (error) {
    return finalStep(verifier.failureVerdict(item, 'environment', error));
  }
}

/** A message that the environment of one episode receives. */
export interface Move {
  readonly item: TaskItem;
  readonly lastStep: EnvironmentStep;
  readonly text: string;
  /**
   * Random stream of the environment's step after this message: the environment draws from child stream 0,
   * the answer to the k-th question of the step from child stream k.
   */
  readonly stream: RandomStream;
}

/**
 * Returns the environment's step after each message (move). If the task throws, its episode ends with a
 * failed verdict; the other episodes continue.
 *
 * @throws TaskError if the task asks questions but has no answerer, or asks more than `MAX_QUESTIONS`
 * @throws the errors of the answerer
 */
export async function playMoves(
  task: Task,
  moves: readonly Move[],
  { verifier, signal }: { readonly verifier: VerifierCache; readonly signal?: AbortSignal | undefined },
): Promise<EnvironmentStep[]> {
  const guarded = (
    item: TaskItem,
    step: () => EnvironmentStep | PendingStep,
  ): EnvironmentStep | PendingStep => {
    try {
      return step();
    } catch (error) {
      return finalStep(verifier.failureVerdict(item, 'environment', error));
    }
  };
  const results = moves.map(({ item, lastStep, text, stream }) =>
    guarded(item, () => lastStep.step(text, stream.child(0))),
  );
  for (let round = 1; ; round++) {
    const open = results.flatMap((result, n) => ('question' in result ? [{ n, inquiry: result }] : []));
    // no step has asked a question, so no answer is needed
    if (open.length === 0) return results as EnvironmentStep[];
    if (round > MAX_QUESTIONS)
      throw new TaskError(
        `task ${task.name}: expected at most ${MAX_QUESTIONS} questions per message, got more on item ${moves[open[0].n].item.id}`,
      );
    const questions = open.map(({ n, inquiry }) => ({
      ...inquiry.question,
      stream: moves[n].stream.child(round),
    }));
    const answers = await answererOf(task).answer(questions, signal);
    open.forEach(({ n, inquiry }, k) => {
      results[n] = guarded(moves[n].item, () => inquiry.resume(answers[k]));
    });
  }
}

function answererOf({ name, environment }: Task): Answerer {
  if (environment?.answerer !== undefined) return environment.answerer;
  throw new TaskError(
    `task ${name}: expected an answerer for the questions of its environment, got none; set answerer_path or answerer_url among its options`,
  );
}

/** Returns the last step of an episode that ends because the task failed. */
function finalStep(verdict: Verdict): EnvironmentStep {
  const last: EnvironmentStep = { done: true, step: () => last, verdict: () => verdict };
  return last;
}
