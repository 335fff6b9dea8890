/**
 * An event sink that writes every event, `phase` included, as one line of JSON, for programs that read a run
 * through a pipe.
 * @module
 */
import type { EventSink } from '../train/events.ts';

/** @param stream - receives the lines */
export function createJsonLinesSink(stream: { write(text: string): unknown }): EventSink {
  return {
    emit: (event) => {
      stream.write(`${JSON.stringify(event)}\n`);
    },
  };
}
