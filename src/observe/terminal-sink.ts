/**
 * The event sink that shows the progress of `troupe train` as text. On a terminal, it draws a live view. To a
 * pipe or a file, it writes one line per stage, and heartbeat lines with the progress of a long stage.
 * @module
 */
import { createLogUpdate } from 'log-update';
import { duration } from '../report/format.ts';
import { renderLive } from '../report/live-view.ts';
import { heartbeatLine, plainLine } from '../report/plain-lines.ts';
import { createLiveRows } from '../run-view/live-rows.ts';
import type { ProcessTime } from '../run-view/pace.ts';
import { createRunView, foldRows } from '../run-view/run-view.ts';
import type { EventSink, RunEvent } from '../train/events.ts';

/** Shortest time between two drawings of the live view, ms. */
const REDRAW_MS = 100;
/** Time without output after which a pipe gets a heartbeat line, ms. */
const HEARTBEAT_MS = 15_000;

export interface TerminalSinkOptions {
  readonly stream: NodeJS.WriteStream;
  /** Whether to redraw a live view in place; default: true if the stream is a terminal. */
  readonly live?: boolean;
  /** Monotonic clock, ms. */
  readonly now?: () => number;
}

/** Creates the sink for a stream, e.g. standard output. */
export function createTerminalSink(options: TerminalSinkOptions): EventSink {
  const { stream, live = stream.isTTY === true, now = () => performance.now() } = options;
  return live ? new LiveSink(stream, now) : new PlainSink(stream, now);
}

/** Builds the view of a run from the events of this process. */
class LiveRun {
  readonly view = createRunView();
  readonly #startedMs: number;
  readonly #rowsOf = createLiveRows();

  constructor(startedMs: number) {
    this.#startedMs = startedMs;
  }

  at(nowMs: number): ProcessTime {
    return { startedMs: this.#startedMs, nowMs };
  }

  /** Adds an event to the view. @returns the line of text for the event; undefined if it has no line */
  add(event: RunEvent, nowMs: number): string | undefined {
    foldRows(this.view, this.#rowsOf(event, nowMs));
    return plainLine(event, this.view, this.at(nowMs));
  }
}

class PlainSink implements EventSink {
  readonly #stream: NodeJS.WriteStream;
  readonly #now: () => number;
  readonly #startedMs: number;
  readonly #run: LiveRun;
  #lastMs: number;

  constructor(stream: NodeJS.WriteStream, now: () => number) {
    this.#stream = stream;
    this.#now = now;
    this.#startedMs = this.#lastMs = now();
    this.#run = new LiveRun(this.#startedMs);
  }

  emit(event: RunEvent): void {
    const nowMs = this.#now();
    const line = this.#run.add(event, nowMs);
    if (line !== undefined) this.#write(line, nowMs);
    else if (nowMs - this.#lastMs >= HEARTBEAT_MS)
      this.#write(heartbeatLine(this.#run.view, this.#run.at(nowMs)), nowMs);
  }

  #write(line: string, nowMs: number): void {
    this.#lastMs = nowMs;
    this.#stream.write(`[${duration(nowMs - this.#startedMs).padStart(6)}] ${line}\n`);
  }
}

class LiveSink implements EventSink {
  readonly #stream: NodeJS.WriteStream;
  readonly #now: () => number;
  readonly #run: LiveRun;
  readonly #log: ReturnType<typeof createLogUpdate>;
  readonly #timer: NodeJS.Timeout;
  #closed = false;
  #drawnMs = Number.NEGATIVE_INFINITY;

  constructor(stream: NodeJS.WriteStream, now: () => number) {
    this.#stream = stream;
    this.#now = now;
    this.#run = new LiveRun(now());
    this.#log = createLogUpdate(stream);
    // Redraw every second, so that the elapsed time on the screen is current during long engine calls.
    this.#timer = setInterval(() => this.#draw(), 1000).unref();
  }

  emit(event: RunEvent): void {
    const nowMs = this.#now();
    const line = this.#run.add(event, nowMs);
    // The live view shows finished stages, so they get no line. All other lines are written above the view.
    if (line !== undefined && event.kind !== 'stage_finished') {
      this.#log.clear();
      this.#stream.write(`${line}\n`);
      this.#draw();
    } else if (nowMs - this.#drawnMs >= REDRAW_MS) this.#draw();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#draw();
    this.#log.done();
  }

  #draw(): void {
    const { view } = this.#run;
    if (view.plannedStages === 0) return;
    this.#drawnMs = this.#now();
    const columns = this.#stream.columns ?? 80;
    const color = this.#stream.hasColors?.() ?? false;
    this.#log(renderLive(view, { ...this.#run.at(this.#drawnMs), columns, color }));
  }
}
