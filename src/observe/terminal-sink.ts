/**
 * Shows a run to a person: a live view on a terminal, one line per stage in a pipe or a file. With a
 * phase that lasts, a pipe gets a sign of life now and then.
 * @module
 */
import { createLogUpdate } from 'log-update';
import { duration } from '../report/format.ts';
import { renderLive } from '../report/live-view.ts';
import { heartbeatLine, plainLine } from '../report/plain-lines.ts';
import { advance, type Progress, startProgress } from '../run-view/progress.ts';
import type { EventSink, RunEvent, UpdateRecord } from '../train/events.ts';

/** How often the live view is drawn at most, ms. */
const REDRAW_MS = 100;
/** Longest silence in a pipe while something is happening, ms. */
const HEARTBEAT_MS = 15_000;

export interface TerminalSinkOptions {
  readonly stream: NodeJS.WriteStream;
  /** Draw in place; default: whether the stream is a terminal. */
  readonly live?: boolean;
  /** Monotonic clock, ms. */
  readonly now?: () => number;
}

/** A sink for standard output. */
export function createTerminalSink(options: TerminalSinkOptions): EventSink {
  const { stream, live = stream.isTTY === true, now = () => performance.now() } = options;
  return live ? new LiveSink(stream, now) : new PlainSink(stream, now);
}

/** Folds events into what the views need. */
class Follower {
  view: Progress;
  stageUpdates: UpdateRecord[] = [];

  constructor(nowMs: number) {
    this.view = startProgress(nowMs);
  }

  /** @returns the line the event is worth, if any */
  follow(event: RunEvent, nowMs: number): string | undefined {
    this.view = advance(this.view, event, nowMs);
    if (event.kind === 'stage_started') this.stageUpdates = [];
    if (event.kind === 'update') this.stageUpdates.push(event);
    return plainLine(event, this.view, { nowMs, stageUpdates: this.stageUpdates });
  }
}

class PlainSink implements EventSink {
  readonly #stream: NodeJS.WriteStream;
  readonly #now: () => number;
  readonly #startedMs: number;
  readonly #follower: Follower;
  #lastMs: number;

  constructor(stream: NodeJS.WriteStream, now: () => number) {
    this.#stream = stream;
    this.#now = now;
    this.#startedMs = this.#lastMs = now();
    this.#follower = new Follower(this.#startedMs);
  }

  emit(event: RunEvent): void {
    const nowMs = this.#now();
    const line = this.#follower.follow(event, nowMs);
    if (line !== undefined) this.#write(line, nowMs);
    else if (nowMs - this.#lastMs >= HEARTBEAT_MS)
      this.#write(heartbeatLine(this.#follower.view, nowMs), nowMs);
  }

  #write(line: string, nowMs: number): void {
    this.#lastMs = nowMs;
    this.#stream.write(`[${duration(nowMs - this.#startedMs).padStart(6)}] ${line}\n`);
  }
}

class LiveSink implements EventSink {
  readonly #stream: NodeJS.WriteStream;
  readonly #now: () => number;
  readonly #follower: Follower;
  readonly #log: ReturnType<typeof createLogUpdate>;
  readonly #timer: NodeJS.Timeout;
  #closed = false;
  #drawnMs = Number.NEGATIVE_INFINITY;

  constructor(stream: NodeJS.WriteStream, now: () => number) {
    this.#stream = stream;
    this.#now = now;
    this.#follower = new Follower(now());
    this.#log = createLogUpdate(stream);
    // the clock on the screen moves on while an engine call takes its time
    this.#timer = setInterval(() => this.#draw(), 1000).unref();
  }

  emit(event: RunEvent): void {
    const nowMs = this.#now();
    const line = this.#follower.follow(event, nowMs);
    // stages are in the view already; everything else that has a line stays on the screen
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
    const { view } = this.#follower;
    if (view.stages === 0) return;
    this.#drawnMs = this.#now();
    const columns = this.#stream.columns ?? 80;
    this.#log(
      renderLive(view, { nowMs: this.#drawnMs, columns, color: this.#stream.hasColors?.() ?? false }),
    );
  }
}
