/**
 * The thread in which the Rust library encodes texts, called synchronously. All tokenizers of a process share
 * one thread, which is started at the first call and does not keep the process alive.
 * @see encoder-worker.ts, the thread's side
 * @module
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { EngineError } from '../../support/errors.ts';

/** Time after which a call fails, so that a thread that died cannot block the process forever. */
const PATIENCE_MS = 600_000;

/** Objects that both threads use. */
export interface Connection {
  readonly port: MessagePort;
  /** One element in shared memory: the number of replies so far. */
  readonly replies: Int32Array;
}

interface Load {
  readonly kind: 'load';
  readonly tokenizer: number;
  /** Text of tokenizer.json. */
  readonly json: string;
  /** Added tokens whose ids are wanted. */
  readonly added: readonly string[];
}

interface Encode {
  readonly kind: 'encode';
  readonly tokenizer: number;
  readonly texts: readonly string[];
}

interface Unload {
  readonly kind: 'unload';
  readonly tokenizer: number;
}

/** A message to the thread; `call` is a number that the reply repeats. */
export type Request = (Load | Encode | Unload) & { readonly call: number };

/** Token ids: of each text, or of the added tokens (-1 for a token without an id). */
export type Encodings = readonly Int32Array[];

export type Reply =
  | { readonly call: number; readonly encodings: Encodings }
  | { readonly call: number; readonly error: string };

/** Error message of the Rust library. */
export class EncoderError extends Error {
  override readonly name = 'EncoderError';
}

class EncoderThread {
  readonly #connection: Connection;
  /** Replies that arrived before they were waited for, by call. */
  readonly #early = new Map<number, Reply>();
  #calls = 0;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    const replies = new Int32Array(new SharedArrayBuffer(4));
    const workerData: Connection = { port: port2, replies };
    // Node 20 cannot start a thread from a TypeScript file, so tests start the one of dist
    const file = import.meta.url.endsWith('.ts')
      ? '../../../dist/engine/text/encoder-worker.js'
      : './encoder-worker.js';
    const worker = new Worker(new URL(file, import.meta.url), {
      workerData,
      transferList: [port2],
      execArgv: [],
    });
    worker.unref();
    this.#connection = { port: port1, replies };
  }

  /** Sends a request without waiting. @returns the number of the call */
  send(request: Load | Encode | Unload): number {
    const call = this.#calls++;
    this.#connection.port.postMessage({ ...request, call } satisfies Request);
    return call;
  }

  /** Blocks until the reply to a call arrives. @throws EncoderError with the library's message */
  wait(call: number): Encodings {
    const { port, replies } = this.#connection;
    for (;;) {
      const early = this.#early.get(call);
      if (early !== undefined) {
        this.#early.delete(call);
        if ('error' in early) throw new EncoderError(early.error);
        return early.encodings;
      }
      const seen = Atomics.load(replies, 0);
      const message: { readonly message: Reply } | undefined = receiveMessageOnPort(port);
      if (message !== undefined) this.#early.set(message.message.call, message.message);
      else if (Atomics.wait(replies, 0, seen, PATIENCE_MS) === 'timed-out')
        throw new EngineError(
          `tokenizer: expected an answer of the encoder thread in ${PATIENCE_MS / 1e3} s`,
        );
    }
  }
}

let thread: EncoderThread | undefined;

/** Returns the process's encoder thread. */
function sharedThread(): EncoderThread {
  thread ??= new EncoderThread();
  return thread;
}

const unloading = new FinalizationRegistry((tokenizer: number) => {
  const shared = sharedThread();
  shared.send({ kind: 'unload', tokenizer });
});
let created = 0;

/** A tokenizer inside the thread. The thread frees it after this object is collected. */
export class RemoteEncoder {
  readonly #tokenizer = created++;
  readonly #loading: number;
  #added: Int32Array | undefined;

  /** Starts loading, in parallel to the caller. */
  constructor(json: string, added: readonly string[]) {
    const shared = sharedThread();
    this.#loading = shared.send({ kind: 'load', tokenizer: this.#tokenizer, json, added });
    unloading.register(this, this.#tokenizer);
  }

  /** Waits until the tokenizer is loaded. @returns the ids of the added tokens; -1: none. @throws EncoderError */
  loaded(): Int32Array {
    this.#added ??= sharedThread().wait(this.#loading)[0] ?? new Int32Array();
    return this.#added;
  }

  /** Encodes texts without adding special tokens. @throws EncoderError */
  encode(texts: readonly string[]): Encodings {
    this.loaded();
    const shared = sharedThread();
    return shared.wait(shared.send({ kind: 'encode', tokenizer: this.#tokenizer, texts }));
  }
}
