/**
 * Steps of interactive episodes: what the environment makes of the team's messages. The task is pure and the
 * answerer is not, so this is where they meet: a scene that has a question waits for the answer, all
 * episodes of a turn together.
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

/** Most questions one step may ask: more is a task that never comes to an end. */
const MOST_QUESTIONS = 16;

/** The scene an episode begins with; a task that throws ends it at once. */
export function resetEnvironment(
  environment: Environment,
  item: TaskItem,
  judge: VerifierCache,
): EnvironmentStep {
  try {
    return environment.reset(item);
  } catch (error) {
    return overWith(judge.failed(item, 'environment', error));
  }
}

/** A message that goes to the environment of one episode. */
export interface Move {
  readonly item: TaskItem;
  readonly scene: EnvironmentStep;
  readonly text: string;
  /** Draws of this step; the k-th question's answer has the child k. */
  readonly stream: RandomStream;
}

/**
 * The scene after each move. A task that throws ends that episode with a failed verdict and loses no other.
 *
 * @throws TaskError if the task asks questions and nobody is there to answer, or it never stops asking
 * @throws whatever the answerer throws
 */
export async function playMoves(
  task: Task,
  moves: readonly Move[],
  { judge, signal }: { readonly judge: VerifierCache; readonly signal?: AbortSignal | undefined },
): Promise<EnvironmentStep[]> {
  const guarded = (
    item: TaskItem,
    go: () => EnvironmentStep | PendingStep,
  ): EnvironmentStep | PendingStep => {
    try {
      return go();
    } catch (error) {
      return overWith(judge.failed(item, 'environment', error));
    }
  };
  const results = moves.map(({ item, scene, text, stream }) =>
    guarded(item, () => scene.step(text, stream.child(0))),
  );
  for (let asked = 1; ; asked++) {
    const open = results.flatMap((result, n) => ('question' in result ? [{ n, inquiry: result }] : []));
    if (open.length === 0) return results as EnvironmentStep[]; // no inquiry is left
    if (asked > MOST_QUESTIONS)
      throw new TaskError(
        `task ${task.name}: expected at most ${MOST_QUESTIONS} questions per message, got more on item ${moves[open[0].n].item.id}`,
      );
    const questions = open.map(({ n, inquiry }) => ({
      ...inquiry.question,
      stream: moves[n].stream.child(asked),
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
    `task ${name}: expected somebody to answer its questions, got none; name an answerer among its options`,
  );
}

/** An episode that ends because the task failed. */
function overWith(verdict: Verdict): EnvironmentStep {
  const scene: EnvironmentStep = { done: true, step: () => scene, verdict: () => verdict };
  return scene;
}
