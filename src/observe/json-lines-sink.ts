/**
 * Every event, `phase` included, as one line of JSON: for programs that follow a run through a pipe.
 * @module
 */
import type { EventSink } from '../train/events.ts';

/** @param stream - where the lines go */
export function createJsonLinesSink(stream: { write(text: string): unknown }): EventSink {
  return {
    emit: (event) => {
      stream.write(`${JSON.stringify(event)}\n`);
    },
  };
}
