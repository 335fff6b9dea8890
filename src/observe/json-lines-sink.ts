/**
 * An event sink that writes every event of a run, including `phase` events, as one line of JSON. Other
 * programs can read the lines through a pipe.
 * @module
 */
import type { EventSink } from '../train/events.ts';

/** @param stream - stream to which the lines are written */
export function createJsonLinesSink(stream: { write(text: string): unknown }): EventSink {
  return {
    emit: (event) => {
      stream.write(`${JSON.stringify(event)}\n`);
    },
  };
}
