/**
 * A region of a terminal that is redrawn in place. In a pipe, every drawing is written after the previous one.
 * @module
 */
import { createLogUpdate } from 'log-update';

export interface Screen {
  readonly columns: number;
  readonly color: boolean;
  /** Whether a drawing replaces the previous one. */
  readonly isLive: boolean;
  draw(text: string): void;
  /** Ends redrawing; the last drawing stays on the screen. */
  close(): void;
}

export function createScreen(stream: NodeJS.WriteStream): Screen {
  const isLive = stream.isTTY === true;
  const log = isLive ? createLogUpdate(stream) : undefined;
  return {
    get columns() {
      return stream.columns ?? 80;
    },
    color: isLive && (stream.hasColors?.() ?? false),
    isLive,
    draw(text) {
      if (log) log(text);
      else stream.write(`${text}\n`);
    },
    close: () => log?.done(),
  };
}
