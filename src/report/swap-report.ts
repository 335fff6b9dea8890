/**
 * Renders the report of `troupe swap`, which replaces the model of an agent: the forecast of the effect, the
 * comparison of the teams, and the decision.
 * @module
 */

import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import { weightFileNames } from '../support/model-files.ts';
import { shellPath } from '../support/shell-word.ts';
import type { SignTest } from '../swap/sign-test.ts';
import type { Distillation, SwapRecord } from '../swap/swap-record.ts';
import { accuracy, count, percent, plural, points, signed, small } from './format.ts';
import { textTable } from './text-table.ts';

export function swapJson(record: SwapRecord): string {
  return `${JSON.stringify(record)}\n`;
}

export function renderSwap(record: SwapRecord): string {
  const blocks = [
    factLines(record),
    record.contenders.length > 0 ? contestTable(record) : [],
    differenceLines(record),
    decisionLines(record),
    closingLines(record),
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

const FORECASTS: Readonly<Record<SignTest['verdict'], string>> = {
  help: 'expected to help',
  hurt: 'expected to hurt',
  unknown: 'cannot tell',
};

function factLines(record: SwapRecord): string[] {
  const { run, checkpoint, agent, replacement, mode, delta0, parameters, seatBytes, others } = record;
  const radius = delta0 === undefined ? '' : `, delta0 ${delta0}`;
  return [
    `swap          ${agent.name} of ${shown(run)} ${checkpoint}, mode ${mode}${radius}`,
    `replacement   ${shown(replacement)}: ${count(parameters.replacement)} parameters for ${count(parameters.incumbent)}`,
    `seat          ${count(parameters.seat)} parameters, ${(seatBytes / 2 ** 20).toFixed(1)} MiB; an answer of it costs ${(parameters.seat / parameters.incumbent).toFixed(1)} times as much`,
    ...(others ?? []).map(
      ({ agent: id, files }) =>
        `unchanged     agent_${id}: ${plural(Object.keys(files).length, 'file')} byte for byte, weights ${weightsHash(files)}`,
    ),
    `forecast      ${forecastText(record.forecast)}`,
    ...record.notes.map((note) => `note          ${note}`),
    ...distillationLines(record.distillation),
  ];
}

/**
 * Returns the start of the SHA-256 of an agent's weights. For several files it is that of `sha256sum FILES | sha256sum`.
 */
function weightsHash(files: Readonly<Record<string, string>>): string {
  const weights = weightFileNames(Object.keys(files));
  const names = weights.length > 0 ? weights : Object.keys(files).sort();
  const [only, ...others] = names;
  if (only === undefined) return 'none';
  const short = (hash: string): string => `sha256 ${hash.slice(0, 16)}`;
  if (others.length === 0) return `${short(files[only] as string)} (${only})`;
  const lines = names.map((name) => `${files[name]}  ${name}\n`).join('');
  return `${short(createHash('sha256').update(lines).digest('hex'))} (of ${names.length} files)`;
}

function forecastText({ verdict, covariance, groups, episodes }: SignTest): string {
  const basis = `${plural(groups, 'prompt')} of the run with ${plural(episodes, 'episode')} that differ`;
  if (covariance === undefined) return `${FORECASTS[verdict]}: ${basis}, at least 2 are needed`;
  const { mean, low, high } = covariance;
  return `${FORECASTS[verdict]}: C = ${signed(mean, 4)} [${signed(low, 4)}, ${signed(high, 4)}] over ${basis}`;
}

function distillationLines(distillation: Distillation | undefined): string[] {
  if (distillation === undefined) return [];
  const { messages, lossBefore, lossAfter, fromTeacher, fromIncumbent } = distillation;
  const measured = (name: string, kl: Distillation['fromTeacher']) =>
    kl === undefined
      ? []
      : [
          `measured      KL(distilled || ${name}) ${small(kl.mean)} nats per token on average, ${small(kl.max)} at most, over ${count(kl.states)} states`,
        ];
  return [
    `distilled     on ${count(messages)} messages of the mixture: loss ${lossBefore.toFixed(4)} to ${lossAfter.toFixed(4)} nats per token`,
    ...measured('mixture', fromTeacher),
    ...measured('old model', fromIncumbent),
    'note          distillation has no guarantee by construction: only the measured KL describes its result',
  ];
}

function contestTable({ contenders, agent, prompts, samples }: SwapRecord): string[] {
  const table = textTable(
    [
      ['', 'team', agent.name, 'parameters', 'tokens'],
      ...contenders.map(({ label, team, agent, parameters, tokensPerAnswer }) => [
        label,
        accuracy(team),
        agent === undefined ? '-' : accuracy(agent),
        count(parameters),
        tokensPerAnswer.toFixed(1),
      ]),
    ],
    ['left', 'right', 'right', 'right', 'right'],
  );
  return [table, '', `${prompts} test prompts x ${samples}, 95% intervals; tokens per answer`];
}

function differenceLines({ contenders }: SwapRecord): string[] {
  const [first] = contenders;
  return contenders.flatMap(({ label, difference }) => {
    if (difference === undefined) return [];
    const verdict = difference.low > 0 ? 'better' : difference.high < 0 ? 'worse' : 'no proven difference';
    return [`${label} - ${first?.label}: ${points(difference)} points, ${verdict} (paired 95% interval)`];
  });
}

function decisionLines({ decision }: SwapRecord): string[] {
  if (decision === undefined) return [];
  const { action, wealth, harmWealth, alpha, prompts, meanDifference } = decision;
  const bar = (1 / alpha).toFixed(0);
  const mean = `reward ${signed(meanDifference, 3)} over ${plural(prompts, 'validation prompt')}`;
  const text = {
    promote: `promote: proved better, ${mean}, wealth ${wealth.toFixed(1)} of ${bar}`,
    keep: `keep the old team: harm is proved, ${mean}, wealth against it ${harmWealth.toFixed(1)} of ${bar}`,
    cannot_tell: `cannot tell: ${mean}, wealth ${wealth.toFixed(1)} and against it ${harmWealth.toFixed(1)} of ${bar}`,
  }[action];
  return [`decision      ${text} (acceptance test, wrong with probability at most ${percent(alpha)})`];
}

function closingLines({ out, dryRun }: SwapRecord): string[] {
  if (dryRun) return ['dry run       nothing was written'];
  if (out === undefined) return ['nothing was written: name a folder with --out'];
  return [`team          ${shown(out)}`, `go on with    troupe train --resume ${shellPath(shown(out))}`];
}

function shown(path: string): string {
  if (path.startsWith('hf:')) return path;
  const near = relative(process.cwd(), path);
  return near === '' ? '.' : near.startsWith('..') ? path : near;
}
