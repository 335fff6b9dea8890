/**
 * Renders one evaluation on one split as text for a terminal, and as one JSON object.
 * @module
 */

import { relative } from 'node:path';
import type { TeamEvaluation } from '../evaluate/evaluate.ts';
import type { Scores } from '../evaluate/scores.ts';
import { shellPath } from '../support/shell-word.ts';
import { accuracy, percent } from './format.ts';
import { scoresJson } from './scores-json.ts';
import { furtherLines } from './task-scores.ts';
import { textTable } from './text-table.ts';

export interface ReportedEvaluation {
  readonly task: string;
  /** Names of agent 0, 1, ... */
  readonly agents: readonly string[];
  readonly evaluation: TeamEvaluation;
  /** Path of the file with the transcripts. */
  readonly transcripts?: string;
}

/** Renders a table of avg@K, pass@K and maj@K with 95% intervals, for the team and each agent. */
export function renderEvaluation({ task, agents, evaluation, transcripts }: ReportedEvaluation): string {
  const { label, team, prompts, samples, split, meanLength, clippedRatio, rewardedClippedRatio, overflows } =
    evaluation;
  const row = (name: string, scores: Scores): string[] => [
    name,
    ...[scores.avg, scores.pass, scores.maj].map(accuracy),
  ];
  const table = textTable(
    [
      ['', `avg@${samples}`, `pass@${evaluation.k}`, `maj@${samples}`],
      row('team', team),
      ...agentScores(agents, evaluation).map(([name, scores]) => row(name, scores)),
    ],
    ['left', 'right', 'right', 'right'],
  );
  return [
    `${label}: task ${task}, ${split} split, ${prompts} prompts x ${samples} samples`,
    '',
    table,
    '',
    `95% intervals over prompts; messages of ${meanLength.toFixed(1)} tokens on average, ${percent(clippedRatio)} cut off${rewardedClippedRatio === undefined ? '' : `, ${percent(rewardedClippedRatio)} of those with a right answer`}`,
    ...(overflows === 0
      ? []
      : [`${overflows} of ${prompts * samples} episodes wrong because the context of an agent was full`]),
    ...furtherLines(team),
    ...wrongLine(evaluation),
    ...transcriptLines(evaluation, transcripts),
    '',
  ].join('\n');
}

/** Lists the most frequent wrong answers, e.g. `wrong         12 of 50: no answer 8, "hat" 3, "cup" 1`. */
function wrongLine({ wrongAnswers, prompts, samples, team }: TeamEvaluation): string[] {
  const [most] = wrongAnswers;
  // counts of 1 are no pattern
  if (most === undefined || (most.count < 2 && wrongAnswers.length > 1)) return [];
  const wrong = Math.round((1 - team.avg.mean) * prompts * samples);
  const counted = wrongAnswers.map(
    ({ answer, count }) =>
      `${answer === undefined ? 'no answer' : JSON.stringify(shortened(answer))} ${count}`,
  );
  return [`wrong         ${wrong} of ${prompts * samples}: ${counted.join(', ')}`];
}

const MAX_ANSWER_CHARACTERS = 40;

function shortened(answer: string): string {
  const characters = [...answer];
  return characters.length > MAX_ANSWER_CHARACTERS
    ? `${characters.slice(0, MAX_ANSWER_CHARACTERS - 1).join('')}…`
    : answer;
}

function transcriptLines({ wrongAnswers }: TeamEvaluation, transcripts: string | undefined): string[] {
  if (transcripts === undefined) return [];
  const path = relative(process.cwd(), transcripts);
  return [
    `transcripts   ${path}`,
    ...(wrongAnswers.length === 0 ? [] : [`read them     troupe show ${shellPath(path)} --wrong`]),
  ];
}

/** Builds the JSON object that `troupe eval --json` prints. */
export function evaluationJson({ task, agents, evaluation }: ReportedEvaluation): object {
  const { agents: _, team, ...rest } = evaluation;
  return {
    task,
    ...rest,
    team: scoresJson(team),
    agents: Object.fromEntries(
      agentScores(agents, evaluation).map(([name, scores]) => [name, scoresJson(scores)]),
    ),
  };
}

/** Returns the names and scores of the agents that sent at least one message. */
function agentScores(
  names: readonly string[],
  { agents }: TeamEvaluation,
): (readonly [name: string, scores: Scores])[] {
  return agents.flatMap((scores, id) =>
    scores === undefined ? [] : [[names[id] ?? `agent_${id}`, scores] as const],
  );
}
