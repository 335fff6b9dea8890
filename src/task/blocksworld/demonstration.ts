/**
 * Demonstrations of Blocksworld plans, as one message or as the messages of a relay. Two habits: `worked`, in
 * which every speaker makes a move, writes the towers it leaves, and the last one finishes and writes down the
 * whole plan; and `direct`, in which every speaker writes the whole plan.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import { ANSWER_MARKER } from '../habit.ts';
import type { DemonstrationOptions } from '../planning/generator.ts';
import type { Step } from '../planning/strips.ts';
import type { Towers } from './domain.ts';
import { compactPlan, readSteps, towersText } from './notation.ts';
import { colouredPlan, planLines } from './planbench-text.ts';
import type { Puzzle } from './puzzle.ts';

/** A move: a block lifted and set down. */
type Move = readonly [lift: Step, setDown: Step];

/**
 * Messages in the compact notation: `^bc_b=a b c;` and so on, then `#` and the plan. Once the plan is done,
 * later speakers repeat `#` and the plan.
 *
 * @param stream - one uniform for the habit, one per message for noise, then one per block replaced
 */
export function compactMessages(
  puzzle: Puzzle,
  options: DemonstrationOptions,
  stream: RandomStream,
): string[] {
  const isWorked = stream.uniform() < options.workedShare;
  const final = `${ANSWER_MARKER}${compactPlan(puzzle.plan)}`;
  const shares = shareOut(movesOf(puzzle.plan), options.demoTurns);
  let towers = puzzle.start;
  let left = puzzle.plan.length / 2;
  const messages = shares.map((moves) => {
    if (!isWorked) return final;
    const steps = moves.map((move) => {
      towers = moved(towers, move);
      return `${compactPlan(move)}=${towersText(towers)}`;
    });
    left -= moves.length;
    return `${steps.join(';')}${left === 0 ? final : ''}`;
  });
  return messages.map((message) => noisy(message, puzzle, options, stream));
}

/** Messages in PlanBench's words: worked ones hold the plan as far as it got, direct ones all of it. */
export function planbenchMessages(
  puzzle: Puzzle,
  options: DemonstrationOptions,
  stream: RandomStream,
): string[] {
  const isWorked = stream.uniform() < options.workedShare;
  const shares = shareOut(movesOf(puzzle.plan), options.demoTurns);
  let done = 0;
  return shares.map((moves) => {
    done += 2 * moves.length;
    const part = compactPlan(isWorked ? puzzle.plan.slice(0, done) : puzzle.plan);
    return planLines(colouredPlan(readSteps(noisy(part, puzzle, options, stream)))).join('\n');
  });
}

/** One move to each speaker while there are any, and to the last speaker all that are left. */
function shareOut(moves: readonly Move[], turns: number): (readonly Move[])[] {
  return Array.from({ length: turns }, (_, turn) =>
    turn < turns - 1 ? moves.slice(turn, turn + 1) : moves.slice(turn),
  );
}

function movesOf(plan: readonly Step[]): Move[] {
  return Array.from({ length: plan.length / 2 }, (_, at): Move => [plan[2 * at], plan[2 * at + 1]]);
}

/** The towers after a move, sorted by their lowest block. */
export function moved(towers: Towers, [lift, setDown]: Move): Towers {
  const block = lift.objects[0];
  const under = setDown.objects[1];
  const rest = towers
    .map((tower) => tower.filter((each) => each !== block))
    .filter((tower) => tower.length > 0);
  const next =
    under === undefined
      ? [...rest, [block]]
      : rest.map((tower) => (tower.includes(under) ? [...tower, block] : tower));
  return next.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** With probability `demoNoise`, every block that a message names is replaced by any block of the problem. */
function noisy(
  message: string,
  { start }: Puzzle,
  { demoNoise }: DemonstrationOptions,
  stream: RandomStream,
): string {
  const blocks = start.flat();
  if (stream.uniform() >= demoNoise) return message;
  return message.replace(/[a-z]/g, () => blocks[stream.int(blocks.length)]);
}
