/**
 * A region of a terminal that is redrawn in place. If the output is a pipe, every drawing is appended to it.
 * @module
 */
import { createLogUpdate } from 'log-update';

export interface Screen {
  readonly columns: number;
  readonly color: boolean;
  /** Whether each drawing replaces the previous drawing. */
  readonly isLive: boolean;
  draw(text: string): void;
  /** Ends the redrawing. The last drawing stays on the terminal. */
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
