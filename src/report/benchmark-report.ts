/**
 * Renders an evaluation over several benchmarks as text for the terminal, as Markdown, and as one JSON
 * object. Only the text for the terminal contains durations.
 * @module
 */

import type { EvaluationReport, ReportedBenchmark } from '../evaluate/benchmark-results.ts';
import type { BenchmarkScores, StopSaving } from '../evaluate/benchmark-scores.ts';
import type { Scores } from '../evaluate/scores.ts';
import type { DifferenceRecord } from '../train/events.ts';
import { accuracy, count, duration, percent, points } from './format.ts';
import { scoresJson } from './scores-json.ts';
import { furtherLines } from './task-scores.ts';
import { markdownTable, textTable } from './text-table.ts';

type Render = (rows: readonly (readonly string[])[], align: readonly ('left' | 'right')[]) => string;

/**
 * Renders the text for the terminal.
 *
 * @param msPerPrompt - by benchmark: mean time to sample all K answers to a prompt, ms
 */
export function renderEvaluationText(
  report: EvaluationReport,
  msPerPrompt: ReadonlyMap<string, number>,
): string {
  const body = report.benchmarks.map((benchmark) => {
    const ms = msPerPrompt.get(benchmark.name);
    const time =
      ms === undefined ? '' : `, ${ms < 10_000 ? `${Math.round(ms)}ms` : duration(ms)} per question`;
    return [
      headOf(benchmark),
      '',
      scoresTable(benchmark, textTable),
      '',
      `${costOf(benchmark.scores)}${time}`,
      ...linesOf(benchmark, report.against),
      '',
    ].join('\n');
  });
  return `${report.title}\n\n${body.join('\n')}`;
}

/** Renders `report.md`. */
export function renderEvaluationPage(report: EvaluationReport): string {
  const { title, benchmarks, against } = report;
  const overview = markdownTable(
    [
      ['benchmark', 'prompts x K', 'avg@K', 'pass@K', 'maj@K', 'tokens per question'],
      ...benchmarks.map(({ name, scores }) => [
        name,
        `${scores.prompts} x ${scores.samples}`,
        ...[scores.team.avg, scores.team.pass, scores.team.maj].map(accuracy),
        count(scores.tokens / scores.prompts),
      ]),
    ],
    ['left', 'right', 'right', 'right', 'right', 'right'],
  );
  return [
    `# ${title}`,
    '',
    overview,
    '',
    INTERVALS,
    ...benchmarks.flatMap((benchmark) => [
      '',
      `## ${benchmark.name}`,
      '',
      headOf(benchmark),
      '',
      scoresTable(benchmark, markdownTable),
      '',
      [costOf(benchmark.scores), ...linesOf(benchmark, against)].map((line) => `* ${line}`).join('\n'),
    ]),
    '',
  ].join('\n');
}

const INTERVALS =
  '95% intervals over prompts: Wilson if every prompt counts 0 or 1 (maj@K, pass@K with all K samples), else the ' +
  'percentile bootstrap. Differences are paired by prompt.';

/** Builds the JSON object that `report.json` contains and that `troupe eval --benchmark --json` prints. */
export function evaluationReportJson({ title, against, benchmarks }: EvaluationReport): object {
  return {
    title,
    ...(against === undefined ? {} : { against }),
    benchmarks: benchmarks.map(({ scores, differences, ...benchmark }) => ({
      ...benchmark,
      prompts: scores.prompts,
      k: scores.samples,
      samples_for_avg: scores.guaranteed,
      team: scoresJson(scores.team),
      pass_at: scores.pass,
      agents: Object.fromEntries(scores.agents.map(({ agent, scores: own }) => [agent, scoresJson(own)])),
      difficulties: scores.difficulties.map(({ difficulty, prompts, team }) => ({
        difficulty,
        prompts,
        ...scoresJson(team),
      })),
      episodes: scores.episodes,
      tokens: scores.tokens,
      tokens_per_question: scores.tokens / scores.prompts,
      tokens_per_answer: scores.tokens / scores.episodes,
      clipped_ratio: scores.cutOff / Math.max(1, scores.messages),
      rewarded_clipped_ratio: known(scores.rewarded.cutOff / scores.rewarded.messages),
      overflows: scores.overflows,
      early_stop: scores.savings,
      ...(differences === undefined ? {} : { differences }),
      per_prompt: scores.team.items.map((item, p) => ({
        item,
        avg: known(scores.team.avg.perPrompt[p]),
        maj: known(scores.team.maj.perPrompt[p]),
      })),
    })),
  };
}

function known(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

function headOf({ name, split, temperature, maxTokens, scores }: ReportedBenchmark): string {
  const { prompts, samples } = scores;
  return `${name}: ${prompts} prompts (${split}) x K = ${samples}, temperature ${temperature}, at most ${count(maxTokens)} tokens`;
}

function scoresTable({ scores }: ReportedBenchmark, render: Render): string {
  const { samples, guaranteed: sure, agents, difficulties } = scores;
  const row = (name: string, { avg, pass, maj }: Scores): string[] => [
    name,
    ...[avg, pass, maj].map(accuracy),
  ];
  return render(
    [
      ['', `avg@${sure}`, `pass@${sure}`, `maj@${samples}`],
      row('team', scores.team),
      ...agents.map(({ agent, scores: own }) => row(agent, own)),
      ...difficulties.map(({ difficulty, prompts, team }) =>
        row(`difficulty ${difficulty} (${prompts})`, team),
      ),
    ],
    ['left', 'right', 'right', 'right'],
  );
}

function costOf(scores: BenchmarkScores): string {
  const { tokens, prompts, episodes, messages, cutOff, rewarded, overflows } = scores;
  const ofRewarded =
    rewarded.messages === 0
      ? ''
      : `, ${percent(rewarded.cutOff / rewarded.messages)} of those with a right answer`;
  const full =
    overflows === 0 ? '' : `; ${overflows} of ${episodes} episodes wrong because a context was full`;
  return `cost: ${count(tokens / prompts)} tokens per question, ${count(tokens / episodes)} per answer; ${percent(cutOff / Math.max(1, messages))} of messages cut off${ofRewarded}${full}`;
}

function linesOf({ scores, differences = [] }: ReportedBenchmark, against: string | undefined): string[] {
  const curve = scores.pass.map(({ k, mean }) => `${k}: ${percent(mean)}`).join(', ');
  return [
    ...(scores.pass.length > 1 ? [`pass@k, unbiased: ${curve}`] : []),
    ...furtherLines(scores.team),
    ...scores.savings.map(savingText),
    ...differences.map(
      ({ measure, difference }) =>
        `${measure}@K - that of ${against}: ${points(difference)} points, ${verdictOf(difference)} (paired 95% interval, ${difference.prompts} prompts)`,
    ),
  ];
}

function savingText({ rule, used, full, usedTokens, fullTokens, changed }: StopSaving): string {
  const saved = fullTokens === 0 ? 0 : 1 - usedTokens / fullTokens;
  const saving = `${used} of ${full} answers, ${percent(saved)} of the tokens saved`;
  if (changed === undefined) return `votes stopped early (${rule}): ${saving} (estimated)`;
  return `stopping votes early (${rule}) would have taken ${saving}, ${changed} winners changed`;
}

function verdictOf({ low, high }: DifferenceRecord): string {
  if (low > 0) return 'better';
  return high < 0 ? 'worse' : 'undecided';
}
