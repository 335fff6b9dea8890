/**
 * Records the calls to models that run outside of the training process, with one row per call in
 * `model-calls.jsonl`. Renders the calls of a stage as a text timeline with one line per worker, which shows
 * whether workers computed at the same time.
 * @module
 */

/** A call to a model, measured by the training process. */
export interface ModelCall {
  /** Worker that ran the call: the agent's actor (`agent_1`) on a Ray cluster, else the engine's name. */
  readonly worker: string;
  readonly call: string;
  /** Start of the call, Unix time, ms. */
  readonly startMs: number;
  readonly elapsedMs: number;
  /** Time that the model computed, ms; the rest of `elapsedMs` is the time of the transfer. */
  readonly computeMs: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** One line of `model-calls.jsonl`. */
export interface ModelCallRow {
  /** Start of the call, ISO time. */
  readonly time: string;
  readonly stage: number;
  readonly worker: string;
  readonly call: string;
  readonly ms: number;
  readonly compute_ms: number;
  readonly sent_bytes: number;
  readonly received_bytes: number;
}

export function modelCallRow(call: ModelCall, stage: number): ModelCallRow {
  const rounded = (ms: number): number => Math.round(1000 * ms) / 1000;
  return {
    time: new Date(call.startMs).toISOString(),
    stage,
    worker: call.worker,
    call: call.call,
    ms: rounded(call.elapsedMs),
    compute_ms: rounded(call.computeMs),
    sent_bytes: call.sentBytes,
    received_bytes: call.receivedBytes,
  };
}

/** Character that represents each kind of call in the timeline. */
const MARKS: Readonly<Record<string, string>> = {
  sample: 's',
  forward: 'f',
  backward: 'b',
  divergence: 'd',
  save: 'w',
};
const OTHER = '.';
const COLUMNS = 72;

/** The time of one call, ms. */
interface Span {
  readonly worker: string;
  readonly mark: string;
  readonly from: number;
  readonly to: number;
}

/**
 * Share of the time between the start of the first call and the end of the last call during which at least
 * `count` workers computed.
 *
 * @returns 0..1; 0 without calls
 */
export function sharedTime(rows: readonly ModelCallRow[], count: number): number {
  const spans = spansOf(rows);
  const edges = [...new Set(spans.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
  let shared = 0;
  for (let i = 1; i < edges.length; i++) {
    const [from, to] = [edges[i - 1]!, edges[i]!];
    const busy = new Set(
      spans.filter((span) => span.from <= from && span.to >= to).map(({ worker }) => worker),
    );
    if (busy.size >= count) shared += to - from;
  }
  const whole = (edges.at(-1) ?? 0) - (edges[0] ?? 0);
  return whole > 0 ? shared / whole : 0;
}

/** Renders a timeline with one line per worker; time runs from left to right. */
export function renderTimeline(rows: readonly ModelCallRow[]): string {
  const spans = spansOf(rows);
  if (spans.length === 0) return 'nothing was computed\n';
  const start = Math.min(...spans.map(({ from }) => from));
  const end = Math.max(...spans.map(({ to }) => to));
  const workers = [...new Set(spans.map(({ worker }) => worker))].sort();
  const labelWidth = Math.max(...workers.map((worker) => worker.length));
  const column = (ms: number): number =>
    Math.min(COLUMNS - 1, Math.floor((COLUMNS * (ms - start)) / Math.max(1, end - start)));
  const lines = workers.map((worker) => {
    const cells = new Array<string>(COLUMNS).fill(' ');
    for (const span of spans.filter((one) => one.worker === worker))
      for (let x = column(span.from); x <= column(span.to); x++)
        if (cells[x] === ' ' || span.mark !== OTHER) cells[x] = span.mark;
    return `${worker.padEnd(labelWidth)} |${cells.join('')}|`;
  });
  const seconds = ((end - start) / 1000).toFixed(1);
  const shares = workers.map((_, index) => `${index + 1}: ${Math.round(100 * sharedTime(rows, index + 1))}%`);
  return [
    ...lines,
    `${seconds} s; s sample, f forward, b backward, d divergence, w write, . other`,
    `share of the time with at least that many workers computing: ${shares.join(', ')}`,
    '',
  ].join('\n');
}

function spansOf(rows: readonly ModelCallRow[]): Span[] {
  return rows.map(({ time, worker, call, ms }) => {
    const from = Date.parse(time);
    return { worker, mark: MARKS[call] ?? OTHER, from, to: from + ms };
  });
}
