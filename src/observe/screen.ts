/**
 * A part of a terminal that is drawn over again and again; a pipe gets what was drawn last, once.
 * @module
 */
import { createLogUpdate } from 'log-update';

export interface Screen {
  readonly columns: number;
  readonly color: boolean;
  /** Whether drawings replace each other. */
  readonly isLive: boolean;
  draw(text: string): void;
  /** Leaves the last drawing standing. */
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
