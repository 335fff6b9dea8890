/**
 * Draws the timeline of decisions as a grid with a row per agent, a row for promotion tests and a column per
 * stage. The colour and the mark of a cell show the outcome of the update or test. The SVG has no style
 * attributes, so a page with a strict content security policy can embed it. Pure functions. No Node imports,
 * because the dashboard's page bundles this file.
 * @module
 */

import type { RunView } from '../../run-view/run-view.ts';
import { agentName, playedStages } from '../../run-view/selectors.ts';
import { gateOutcome, OUTCOMES, type Outcome, updateOutcome } from '../explain.ts';
import { short } from './chart.ts';

/**
 * Fill colour (palette of Okabe and Ito) and mark of a cell by outcome. The marks distinguish outcomes for
 * readers who cannot see the colours.
 */
export const MARKS: Readonly<Record<Outcome, { readonly fill: string; readonly mark: string }>> = {
  accepted: { fill: '#009E73', mark: '' },
  backtracked: { fill: '#56B4E9', mark: '↻' },
  kl_rejected: { fill: '#D55E00', mark: '✕' },
  test_rejected: { fill: '#E69F00', mark: 'T' },
  not_finite: { fill: '#000000', mark: '!' },
  skipped: { fill: '#BBBBBB', mark: '–' },
  promoted: { fill: '#0072B2', mark: '★' },
  undecided: { fill: '#BBBBBB', mark: '?' },
  rolled_back: { fill: '#CC79A7', mark: '↩' },
};

const CELL = 18;
const GAP = 2;
const LABEL = 120;
const TOP = 22;

export interface TimelineCell {
  readonly row: number;
  readonly stage: number;
  readonly outcome: Outcome;
}

/** Returns the row names (the agents, and `tests` if the run had a promotion test) and the cells. */
export function timelineCells(view: RunView): {
  readonly rows: readonly string[];
  readonly cells: readonly TimelineCell[];
  readonly stages: number;
} {
  const stages = playedStages(view);
  const agents = Math.max(
    view.agents.length,
    ...stages.flatMap(({ updates }) => updates.map(({ agent }) => agent + 1)),
    0,
  );
  const tests = stages.some(({ gates }) => gates.some(({ gate }) => gate === 'promotion'));
  const cells = stages.flatMap(({ stage, updates, gates }): TimelineCell[] => [
    ...updates.map((update) => ({ row: update.agent, stage, outcome: updateOutcome(update) })),
    ...gates
      .filter(({ gate }) => gate === 'promotion')
      .map((gate) => ({ row: agents, stage, outcome: gateOutcome(gate) })),
  ]);
  return {
    rows: [...Array.from({ length: agents }, (_, id) => agentName(view, id)), ...(tests ? ['tests'] : [])],
    cells,
    stages: stages.at(-1)?.stage ?? 0,
  };
}

/** Draws the timeline with its legend as SVG text. */
export function timelineSvg(view: RunView): string {
  const { rows, cells, stages } = timelineCells(view);
  const present = OUTCOMES.filter(({ outcome }) => cells.some((cell) => cell.outcome === outcome));
  const pitch = CELL + GAP;
  const width = Math.max(LABEL + stages * pitch + 12, 480);
  const bottom = TOP + rows.length * pitch;
  const height = bottom + 24 + 20 * Math.ceil(present.length / 2);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...rows.map(
      (name, row) =>
        `<text x="${LABEL - 8}" y="${TOP + row * pitch + 13}" text-anchor="end">${escaped(short(name, 18))}</text>`,
    ),
    ...stageTicks(stages).map(
      (stage) =>
        `<text x="${LABEL + (stage - 1) * pitch + CELL / 2}" y="${TOP - 7}" text-anchor="middle">${stage}</text>`,
    ),
    ...cells.map(({ row, stage, outcome }) =>
      markAt(LABEL + (stage - 1) * pitch, TOP + row * pitch, outcome),
    ),
    ...present.flatMap(({ outcome, label }, k) => {
      const x = 16 + (k % 2) * 230;
      const y = bottom + 16 + 20 * Math.floor(k / 2);
      return [markAt(x, y, outcome), `<text x="${x + CELL + 6}" y="${y + 13}">${label}</text>`];
    }),
    '</svg>\n',
  ].join('\n');
}

/** Returns the stages whose columns are numbered: the first, and every 5th (10th, 25th in longer runs). */
export function stageTicks(stages: number): number[] {
  if (stages === 0) return [];
  const every = stages > 200 ? 25 : stages > 60 ? 10 : 5;
  return [1, ...Array.from({ length: Math.floor(stages / every) }, (_, k) => (k + 1) * every)];
}

function markAt(x: number, y: number, outcome: Outcome): string {
  const { fill, mark } = MARKS[outcome];
  const ink = fill === '#BBBBBB' || fill === '#56B4E9' || fill === '#E69F00' ? '#000000' : '#ffffff';
  return `<rect x="${x}" y="${y}" width="${CELL}" height="${CELL}" rx="3" fill="${fill}"/>${
    mark === ''
      ? ''
      : `<text x="${x + CELL / 2}" y="${y + 13}" text-anchor="middle" fill="${ink}" font-weight="bold">${mark}</text>`
  }`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
