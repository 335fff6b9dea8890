/**
 * Server-sent events for answers that come in pieces. The response begins with the first piece, so that what
 * fails before it still gets its own status; a silence is filled with comments that keep proxies awake.
 * @module
 */

/** Silence after which a comment is sent, milliseconds. */
const HEARTBEAT_MS = 10_000;

export interface EventStreamOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Produces the events; what it throws after the first one ends the stream as an error event. */
  readonly run: (send: (event: object) => void) => Promise<void>;
  /** The body of an error event. */
  readonly errorBody: (error: unknown) => object;
  /** Told once, when the last byte was handed over or the client left. */
  readonly onEnd: (outcome: 'done' | 'failed' | 'left') => void;
  readonly onFirst: () => void;
  /** Aborts what produces the events. */
  readonly leave: () => void;
}

/** @throws what `run` throws before its first event */
export async function eventStream(options: EventStreamOptions): Promise<Response> {
  const encoder = new TextEncoder();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let heartbeat: NodeJS.Timeout | undefined;
  let isOver = false;
  const over = (outcome: 'done' | 'failed' | 'left'): void => {
    if (isOver) return;
    isOver = true;
    clearInterval(heartbeat);
    options.onEnd(outcome);
  };
  const stream = new ReadableStream<Uint8Array>({
    start: (made) => {
      controller = made;
    },
    cancel: () => {
      over('left');
      options.leave();
    },
  });
  const write = (text: string): void => {
    if (isOver) return;
    controller?.enqueue(encoder.encode(text));
    heartbeat?.refresh();
  };
  const begun = new Promise<void>((resolve, reject) => {
    let isFirst = true;
    let hasBegun = false;
    const begin = (): void => {
      hasBegun = true;
      resolve();
    };
    heartbeat = setInterval(() => {
      write(': waiting\n\n');
      begin();
    }, HEARTBEAT_MS);
    options
      .run((event) => {
        if (isFirst) options.onFirst();
        isFirst = false;
        write(`data: ${JSON.stringify(event)}\n\n`);
        begin();
      })
      .then(
        () => {
          write('data: [DONE]\n\n');
          begin();
          if (!isOver) controller?.close();
          over('done');
        },
        (error: unknown) => {
          if (hasBegun) write(`data: ${JSON.stringify(options.errorBody(error))}\n\n`);
          else reject(error);
          if (!isOver) controller?.close();
          over('failed');
        },
      );
  });
  await begun;
  return new Response(stream, {
    headers: {
      ...options.headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    },
  });
}
