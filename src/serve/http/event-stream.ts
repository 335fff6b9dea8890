/**
 * A response of server-sent events. The response starts with the first event, so that an earlier failure can
 * still be sent with an HTTP error status. During pauses it sends comments, so that proxies keep the
 * connection open.
 * @module
 */
import { streamSSE } from 'hono/streaming';
import { EventQueue } from '../event-queue.ts';
import type { ServerContext } from './request-context.ts';

/** Longest pause of the stream, milliseconds. A comment is sent if there is no event for this time. */
const HEARTBEAT_MS = 10_000;

export type StreamOutcome = 'done' | 'failed' | 'client_disconnected';

export interface EventStreamOptions {
  /** Generates the events. An error after the first event is sent to the client as an error event. */
  readonly generate: (send: (event: object) => void) => Promise<void>;
  /** @returns the error event */
  readonly onError: (error: unknown) => object;
  readonly onFirstEvent: () => void;
  /** Called once: at the end of the generation, or earlier if the client disconnects. */
  readonly onEnd: (outcome: StreamOutcome) => void;
  /** Cancels generation after a client disconnect. */
  readonly cancel: () => void;
}

/** @throws the error of `generate` if generation fails before the response starts */
export async function eventStream(c: ServerContext, options: EventStreamOptions): Promise<Response> {
  const queue = new EventQueue<string>();
  let hasEvents = false;
  let hasStarted = false;
  let earlyFailure: Failure | undefined;
  let isOver = false;
  const end = (outcome: StreamOutcome): void => {
    if (isOver) return;
    isOver = true;
    options.onEnd(outcome);
  };
  const send = (event: object): void => {
    if (!hasEvents) options.onFirstEvent();
    hasEvents = true;
    hasStarted = true;
    queue.push(JSON.stringify(event));
  };
  void options
    .generate(send)
    .then(
      () => {
        queue.push('[DONE]');
        end('done');
      },
      (error: unknown) => {
        if (hasStarted) queue.push(JSON.stringify(options.onError(error)));
        else earlyFailure = { error };
        end('failed');
      },
    )
    .finally(() => queue.close());
  const first = await queue.take(HEARTBEAT_MS);
  throwIfFailed(earlyFailure);
  hasStarted = true;
  c.header('x-accel-buffering', 'no');
  const response = streamSSE(c, async (stream) => {
    stream.onAbort(() => {
      end('client_disconnected');
      options.cancel();
      queue.close();
    });
    for (
      let events = first;
      events !== undefined && !stream.aborted;
      events = await queue.take(HEARTBEAT_MS)
    ) {
      if (events.length === 0) await stream.write(': waiting\n\n');
      for (const data of events) await stream.writeSSE({ data });
    }
  });
  // Node sets this header itself for HTTP/1.1 clients; HTTP/1.0 clients do not support chunked responses
  response.headers.delete('transfer-encoding');
  return response;
}

interface Failure {
  readonly error: unknown;
}

function throwIfFailed(failure: Failure | undefined): void {
  if (failure !== undefined) throw failure.error;
}
