/**
 * The event sink of `troupe train` for people: draws a live view on a terminal, and writes one line per
 * stage to a pipe or a file, with a heartbeat line while a phase takes long.
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
  /** Redraw in place; default: true if the stream is a terminal. */
  readonly live?: boolean;
  /** Monotonic clock, ms. */
  readonly now?: () => number;
}

/** A sink for standard output. */
export function createTerminalSink(options: TerminalSinkOptions): EventSink {
  const { stream, live = stream.isTTY === true, now = () => performance.now() } = options;
  return live ? new LiveSink(stream, now) : new PlainSink(stream, now);
}

/** Folds the events of this process into a run's view. */
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

  /** @returns the line of the event, if it has one */
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
    // updates the elapsed time on the screen during long engine calls
    this.#timer = setInterval(() => this.#draw(), 1000).unref();
  }

  emit(event: RunEvent): void {
    const nowMs = this.#now();
    const line = this.#run.add(event, nowMs);
    // the live view shows finished stages; all other lines stay above it
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
