/**
 * The timeline of decisions, with a row per agent and a column per stage. The mouse or the arrow keys select
 * a cell. The decision of the selected cell is explained below the timeline.
 * @module
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { csvCell } from '../../../src/report/chart/chart.ts';
import { MARKS, stageTicks, timelineCells, timelineSvg } from '../../../src/report/chart/timeline.ts';
import { explain, OUTCOMES, outcomeOf } from '../../../src/report/explain.ts';
import type { Decision, RunView } from '../../../src/run-view/run-view.ts';
import type { RunSummary } from '../../../src/watch/dashboard-api.ts';
import { Exports } from './chart-card.tsx';
import { DecisionDetail } from './decision-detail.tsx';
import { type Route, replaceQuery } from './hooks.ts';
import { OutcomeMark } from './outcome-mark.tsx';

const PITCH = 20;
const CELL = 18;
const TOP = 18;

interface TimelineProps {
  readonly run: RunSummary;
  readonly view: RunView;
  readonly route: Route;
}

/** Position of a cell. */
interface CellPosition {
  readonly row: number;
  readonly stage: number;
}

export function Timeline({ run, view, route }: TimelineProps) {
  const { rows, cells, stages } = useMemo(() => timelineCells(view), [view, view.version]);
  const drawing = useMemo(() => cells.map(cellSvg).join(''), [cells]);
  const scroller = useRef<HTMLDivElement>(null);
  const [isAtEnd, setAtEnd] = useState(true);
  const selected = selectedCell(route);
  useEffect(() => {
    const element = scroller.current;
    if (element && isAtEnd) element.scrollLeft = element.scrollWidth;
  }, [stages, isAtEnd]);
  // scrolls until the selected cell is visible
  useEffect(() => {
    const element = scroller.current;
    if (!element || selected === undefined) return;
    const left = (selected.stage - 1) * PITCH;
    const { scrollLeft, clientWidth } = element;
    if (left < scrollLeft) element.scrollLeft = left;
    else if (left + PITCH > scrollLeft + clientWidth) element.scrollLeft = left + PITCH - clientWidth;
  }, [selected?.stage]);
  if (cells.length === 0)
    return <p class="empty">No agent was updated yet; the first update appears here.</p>;

  const select = ({ row, stage }: CellPosition) => {
    const cell = { row: clamp(row, 0, rows.length - 1), stage: clamp(stage, 1, stages) };
    replaceQuery(route, { stage: String(cell.stage), row: String(cell.row) });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { row, stage } = selected ?? { row: 0, stage: stages };
    const to: Readonly<Record<string, CellPosition>> = {
      ArrowLeft: { row, stage: selected ? stage - 1 : stage },
      ArrowRight: { row, stage: stage + 1 },
      ArrowUp: { row: row - 1, stage },
      ArrowDown: { row: row + 1, stage },
      Home: { row, stage: 1 },
      End: { row, stage: stages },
    };
    const cell = to[event.key];
    if (cell === undefined) return;
    event.preventDefault();
    select(cell);
    setAtEnd(false);
  };
  const onClick = (event: MouseEvent) => {
    const box = (event.currentTarget as SVGElement).getBoundingClientRect();
    const stage = Math.floor((event.clientX - box.left) / PITCH) + 1;
    const row = Math.floor((event.clientY - box.top - TOP) / PITCH);
    if (row >= 0) select({ row, stage });
  };
  const height = TOP + rows.length * PITCH;
  return (
    <div class="timeline">
      <div class="rows">
        <div class="labels">
          {rows.map((name) => (
            <span key={name} title={name}>
              {name}
            </span>
          ))}
        </div>
        <div
          class="scroller"
          ref={scroller}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys select a cell
          tabIndex={0}
          role="group"
          aria-label="Timeline of updates and tests. Use the arrow keys to select an agent and a stage; the decision is explained below."
          onKeyDown={onKeyDown}
          onScroll={({ currentTarget: { scrollLeft, clientWidth, scrollWidth } }) =>
            setAtEnd(scrollLeft + clientWidth >= scrollWidth - PITCH)
          }
        >
          <svg width={stages * PITCH} height={height} onClick={onClick} aria-hidden="true">
            {stageTicks(stages).map((stage) => (
              <text key={stage} x={(stage - 1) * PITCH + CELL / 2} y={12} text-anchor="middle" class="tick">
                {stage}
              </text>
            ))}
            <g dangerouslySetInnerHTML={{ __html: drawing }} />
            {selected && (
              <rect
                class="cursor"
                x={(selected.stage - 1) * PITCH - 1}
                y={TOP + selected.row * PITCH - 1}
                width={CELL + 2}
                height={CELL + 2}
                rx={4}
              />
            )}
          </svg>
        </div>
      </div>
      <Legend cells={cells} />
      <SelectedDecision run={run} view={view} rows={rows} cell={selected} />
      <Exports
        name={`${run.label}-timeline`}
        svg={() => timelineSvg(view)}
        csv={() => decisionsCsv(run, view)}
      />
    </div>
  );
}

function selectedCell({ query }: Route): CellPosition | undefined {
  const stage = Number(query.get('stage') ?? Number.NaN);
  const row = Number(query.get('row') ?? Number.NaN);
  return Number.isInteger(stage) && Number.isInteger(row) && stage > 0 && row >= 0
    ? { row, stage }
    : undefined;
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

/**
 * Returns a cell as SVG text. Separate elements for the thousands of cells of a long run would render slowly.
 */
function cellSvg({ row, stage, outcome }: ReturnType<typeof timelineCells>['cells'][number]): string {
  const { mark } = MARKS[outcome];
  const x = (stage - 1) * PITCH;
  const y = TOP + row * PITCH;
  const markText =
    mark === '' ? '' : `<text class="mark ${outcome}" x="${x + CELL / 2}" y="${y + 13}">${mark}</text>`;
  return `<rect class="cell ${outcome}" x="${x}" y="${y}" width="${CELL}" height="${CELL}" rx="3"/>${markText}`;
}

function Legend({ cells }: { readonly cells: ReturnType<typeof timelineCells>['cells'] }) {
  const present = new Set(cells.map(({ outcome }) => outcome));
  return (
    <ul class="legend">
      {OUTCOMES.filter(({ outcome }) => present.has(outcome)).map(({ outcome, label }) => (
        <li key={outcome}>
          <OutcomeMark outcome={outcome} /> {label}
        </li>
      ))}
    </ul>
  );
}

interface SelectedDecisionProps {
  readonly run: RunSummary;
  readonly view: RunView;
  readonly rows: readonly string[];
  readonly cell: CellPosition | undefined;
}

function SelectedDecision({ run, view, rows, cell }: SelectedDecisionProps) {
  const decision = cell && decisionAt(view, cell);
  return (
    <div class="chosen" aria-live="polite">
      {cell === undefined ? (
        <p class="hint">Select a cell to read its explanation.</p>
      ) : decision === undefined ? (
        <p class="hint">
          There is no decision for {rows[cell.row]} in stage {cell.stage}.
        </p>
      ) : (
        <DecisionDetail decision={decision} run={run} view={view} />
      )}
    </div>
  );
}

function decisionAt(view: RunView, { row, stage }: CellPosition): Decision | undefined {
  return view.decisions.find((decision) =>
    decision.kind === 'update'
      ? decision.update.stage === stage && decision.update.agent === row
      : decision.gate.stage === stage && decision.gate.gate === 'promotion' && row >= view.agents.length,
  );
}

/** Formats all decisions as CSV, one line per decision with its explanation. */
function decisionsCsv({ facts }: RunSummary, view: RunView): string {
  const context = { agents: view.agents, facts };
  const lines = view.decisions.map((decision) => {
    const texts = [outcomeOf(decision), explain(decision, context)];
    if (decision.kind === 'gate') return [decision.gate.stage, '', '', '', '', ...texts];
    const { stage, agent, attempts, targetKl } = decision.update;
    return [
      stage,
      view.agents[agent] ?? agent,
      attempts.length,
      attempts.at(-1)?.klQuantile ?? '',
      targetKl,
      ...texts,
    ];
  });
  const head = ['stage', 'agent', 'attempts', 'kl_quantile', 'target_kl', 'outcome', 'sentence'];
  return [head, ...lines].map((line) => `${line.map(csvCell).join(',')}\r\n`).join('');
}
