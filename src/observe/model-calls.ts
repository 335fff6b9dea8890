/**
 * What models with places of their own computed, and when: a row per call in `work.jsonl`, and a picture of a stage in
 * lanes, a lane per place, that shows who worked while others did.
 * @module
 */

/** A call on a model, as whoever made it saw it. */
export interface ModelCall {
  readonly worker: string;
  readonly call: string;
  /** When it began, since 1970. */
  readonly startMs: number;
  readonly elapsedMs: number;
  /** Time in the model itself; the rest of `elapsedMs` is the wire's. */
  readonly computeMs: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** One line of `work.jsonl`. */
export interface ModelCallRow {
  readonly time: string;
  readonly stage: number;
  readonly place: string;
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
    place: call.worker,
    call: call.call,
    ms: rounded(call.elapsedMs),
    compute_ms: rounded(call.computeMs),
    sent_bytes: call.sentBytes,
    received_bytes: call.receivedBytes,
  };
}

/** Marks of the calls that take time. */
const MARKS: Readonly<Record<string, string>> = {
  sample: 's',
  forward: 'f',
  backward: 'b',
  divergence: 'd',
  save: 'w',
};
const OTHER = '.';
const COLUMNS = 72;

interface Span {
  readonly place: string;
  readonly mark: string;
  readonly from: number;
  readonly to: number;
}

/** Share of the time, from the first call to the last, during which at least `count` places were at work. */
export function sharedTime(rows: readonly ModelCallRow[], count: number): number {
  const spans = spansOf(rows);
  const edges = [...new Set(spans.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
  let shared = 0;
  for (let i = 1; i < edges.length; i++) {
    const [from, to] = [edges[i - 1]!, edges[i]!];
    const busy = new Set(
      spans.filter((span) => span.from <= from && span.to >= to).map(({ place }) => place),
    );
    if (busy.size >= count) shared += to - from;
  }
  const whole = (edges.at(-1) ?? 0) - (edges[0] ?? 0);
  return whole > 0 ? shared / whole : 0;
}

/** A lane per place, time from left to right. */
export function renderTimeline(rows: readonly ModelCallRow[]): string {
  const spans = spansOf(rows);
  if (spans.length === 0) return 'nothing was computed\n';
  const start = Math.min(...spans.map(({ from }) => from));
  const end = Math.max(...spans.map(({ to }) => to));
  const places = [...new Set(spans.map(({ place }) => place))].sort();
  const label = Math.max(...places.map((place) => place.length));
  const column = (ms: number): number =>
    Math.min(COLUMNS - 1, Math.floor((COLUMNS * (ms - start)) / Math.max(1, end - start)));
  const lanes = places.map((place) => {
    const lane = new Array<string>(COLUMNS).fill(' ');
    for (const span of spans.filter((one) => one.place === place))
      for (let x = column(span.from); x <= column(span.to); x++)
        if (lane[x] === ' ' || span.mark !== OTHER) lane[x] = span.mark;
    return `${place.padEnd(label)} |${lane.join('')}|`;
  });
  const seconds = ((end - start) / 1000).toFixed(1);
  const together = places.map(
    (_, index) => `${index + 1}: ${Math.round(100 * sharedTime(rows, index + 1))}%`,
  );
  return [
    ...lanes,
    `${seconds} s; s sample, f forward, b backward, d divergence, w write, . other`,
    `share of the time with at least so many places at work: ${together.join(', ')}`,
    '',
  ].join('\n');
}

function spansOf(rows: readonly ModelCallRow[]): Span[] {
  return rows.map(({ time, place, call, ms }) => {
    const from = Date.parse(time);
    return { place, mark: MARKS[call] ?? OTHER, from, to: from + ms };
  });
}
